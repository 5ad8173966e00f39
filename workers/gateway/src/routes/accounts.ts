// Sign-up, sign-in and sessions.
import * as z from "zod";
import {
  ChangePasswordInput,
  ForgotPasswordInput,
  LoginInput,
  RefreshInput,
  RegisterInput,
  ResetPasswordInput,
  Session,
  User,
  VerifyEmailInput,
} from "#shared/contracts/accounts";
import { ok } from "#shared/result";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

/** The same answer whether or not the account exists. */
const Accepted = z
  .object({})
  .meta({ id: "Accepted", description: "The request was accepted. A mail follows when there is one to send." });

export const accountRoutes: readonly Route[] = [
  route({
    method: "post",
    path: "/api/auth/register",
    operationId: "register",
    tag: "Accounts",
    summary: "Create a customer's account and sign in",
    access: "public",
    limit: "register",
    body: RegisterInput,
    answers: { 201: Session },
    errors: ["email_taken"],
    handle: async ({ accounts }, { call, body }) => replyWith(201, await accounts.register(call, body)),
  }),
  route({
    method: "post",
    path: "/api/auth/login",
    operationId: "login",
    tag: "Accounts",
    summary: "Sign in",
    access: "public",
    limit: "login",
    body: LoginInput,
    answers: { 200: Session },
    errors: ["invalid_credentials"],
    handle: async ({ accounts }, { call, body }) => replyWith(200, await accounts.login(call, body)),
  }),
  // A refresh token has 256 random bits and cannot be guessed. So these two count as writes, and an office behind one address can keep
  // its sessions alive.
  route({
    method: "post",
    path: "/api/auth/refresh",
    operationId: "refreshSession",
    tag: "Accounts",
    summary: "Trade a refresh token, good once, for a new session",
    access: "public",
    limit: "write",
    body: RefreshInput,
    answers: { 200: Session },
    errors: ["refresh_token_invalid", "refresh_token_reused"],
    handle: async ({ accounts }, { call, body }) => replyWith(200, await accounts.refresh(call, body)),
  }),
  route({
    method: "post",
    path: "/api/auth/logout",
    operationId: "logout",
    tag: "Accounts",
    summary: "End the session of a refresh token",
    access: "public",
    limit: "write",
    body: RefreshInput,
    answers: { 204: null },
    errors: [],
    handle: async ({ accounts }, { call, body }) => replyWith(204, await accounts.logout(call, body)),
  }),
  route({
    method: "get",
    path: "/api/auth/me",
    operationId: "getMe",
    tag: "Accounts",
    summary: "The signed-in user",
    access: "user",
    limit: "read",
    answers: { 200: User },
    errors: [],
    handle: async ({ accounts }, { call }) => replyWith(200, await accounts.me(call)),
  }),
  route({
    method: "post",
    path: "/api/auth/password",
    operationId: "changePassword",
    tag: "Accounts",
    summary: "Change the password and end every session",
    access: "user",
    limit: "auth",
    body: ChangePasswordInput,
    answers: { 204: null },
    errors: ["invalid_credentials"],
    handle: async ({ accounts }, { call, body }) => replyWith(204, await accounts.changePassword(call, body)),
  }),
  // The answer is the same for every e-mail and comes before any work is done, so that its time reveals nothing either.
  route({
    method: "post",
    path: "/api/auth/password/forgot",
    operationId: "requestPasswordReset",
    tag: "Accounts",
    summary: "Mail a link that sets a new password",
    access: "public",
    limit: "forgot",
    body: ForgotPasswordInput,
    answers: { 202: Accepted },
    errors: [],
    handle: async ({ accounts }, { call, body }) => {
      const outcome = await accounts.forgotPassword(call, body);
      return outcome.ok ? replyWith(202, ok({})) : outcome;
    },
  }),
  route({
    method: "post",
    path: "/api/auth/password/reset",
    operationId: "resetPassword",
    tag: "Accounts",
    summary: "Set a new password with a mailed token and end every session",
    access: "public",
    limit: "auth",
    body: ResetPasswordInput,
    answers: { 204: null },
    errors: ["reset_token_invalid"],
    handle: async ({ accounts }, { call, body }) => replyWith(204, await accounts.resetPassword(call, body)),
  }),
  route({
    method: "post",
    path: "/api/auth/email/verification",
    operationId: "requestEmailVerification",
    tag: "Accounts",
    summary: "Mail a link that verifies the e-mail",
    access: "user",
    limit: "auth",
    answers: { 202: Accepted },
    errors: [],
    handle: async ({ accounts }, { call }) => {
      const outcome = await accounts.requestEmailVerification(call);
      return outcome.ok ? replyWith(202, ok({})) : outcome;
    },
  }),
  // The token has 256 random bits, so guessing needs no tighter limit than writes have.
  route({
    method: "post",
    path: "/api/auth/email/verify",
    operationId: "verifyEmail",
    tag: "Accounts",
    summary: "Verify your e-mail with a mailed token; refresh the session to have it in the access token",
    access: "user",
    limit: "write",
    body: VerifyEmailInput,
    answers: { 204: null },
    errors: ["verification_token_invalid"],
    handle: async ({ accounts }, { call, body }) => replyWith(204, await accounts.verifyEmail(call, body)),
  }),
];
