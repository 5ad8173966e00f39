// The contract of the accounts Worker: users, credentials, sessions and signing keys.
import * as z from "zod";
import { Role } from "../call.ts";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { PageQuery, pageOf } from "../paging.ts";
import { line } from "../text.ts";
import type { MessagingContract } from "./messaging.ts";

/** Stored and compared in lower case. The longest address in SMTP has 254 characters (RFC 5321, 4.5.3.1.3). */
export const Email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .pipe(z.email())
  .describe("An e-mail address, at most 254 characters. Case does not matter.");
const NewPassword = z.string().min(10).max(200).describe("A password of 10 to 200 characters.");
/** A password to check, not to set: seeded and older ones may be shorter. */
const Password = z.string().min(1).max(200).describe("The password, at most 200 characters.");

export const RegisterInput = z
  .strictObject({
    email: Email.describe("The e-mail address to sign in with."),
    password: NewPassword.describe("10 to 200 characters."),
    name: line(100).describe("The person's name."),
  })
  .meta({ id: "Register", description: "A new customer." });
export const LoginInput = z
  .strictObject({
    email: Email.describe("The account's e-mail address."),
    password: Password.describe("The account's password."),
    deviceToken: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe(
        "The `deviceToken` of an earlier answer. With it the owner can sign in after strangers tried too many passwords.",
      ),
  })
  .meta({ id: "Login", description: "The credentials to sign in with." });
export const RefreshInput = z
  .strictObject({
    refreshToken: z.string().min(1).max(200).describe("The refresh token of the last answer. It is valid once."),
  })
  .meta({ id: "RefreshSession", description: "A refresh token." });
export const ChangePasswordInput = z
  .strictObject({
    currentPassword: Password.describe("The current password."),
    newPassword: NewPassword.describe("The new password, 10 to 200 characters."),
  })
  .meta({ id: "ChangePassword", description: "The current and the new password." });

export const ForgotPasswordInput = z
  .strictObject({ email: Email.describe("The account's e-mail address.") })
  .meta({ id: "ForgotPassword", description: "The account whose password is forgotten." });
const MailToken = z.string().min(1).max(200).describe("The token of the mailed link.");
export const ResetPasswordInput = z
  .strictObject({
    token: MailToken.describe("The token of the mailed link, valid once and for 30 minutes."),
    newPassword: NewPassword.describe("The new password, 10 to 200 characters."),
  })
  .meta({ id: "ResetPassword", description: "The mailed token and the new password." });
export const VerifyEmailInput = z
  .strictObject({ token: MailToken.describe("The token of the mailed link, good once and for a day.") })
  .meta({ id: "VerifyEmail", description: "The mailed token." });

export const User = z
  .object({
    id: z.string().describe("The user's id."),
    email: z.string().describe("The e-mail address in lower case."),
    name: z.string().describe("The person's name."),
    role: Role.describe("The user's role, which decides what the user may do."),
    createdAt: z.iso.datetime().describe("When the account was created."),
    emailVerified: z.boolean().describe("Whether the user has proved that mail to the address reaches them."),
  })
  .meta({ id: "User", description: "An account." });
export type User = z.infer<typeof User>;

export const UserPage = pageOf(User).meta({ id: "UserPage", description: "One page of accounts." });
export type UserPage = z.infer<typeof UserPage>;

export const UserSession = z
  .object({
    id: z.string().describe("The id of the session, not a token."),
    createdAt: z.iso.datetime().describe("When the user signed in."),
    lastUsedAt: z.iso.datetime().describe("When the session was last refreshed, or else begun."),
    expiresAt: z.iso.datetime().describe("When the session ends unless it is refreshed."),
  })
  .meta({ id: "UserSession", description: "An open session of a user." });
export type UserSession = z.infer<typeof UserSession>;

export interface UserDetails {
  readonly user: User;
  readonly sessions: readonly UserSession[];
}

export const ListUsersInput = PageQuery.extend({
  q: z.string().trim().toLowerCase().max(254).optional().describe("The beginning of the e-mail address."),
  role: Role.optional().describe("Only users with this role."),
});
export const UserInput = z.object({ userId: idSchema("usr").describe("The user's id.") });
export const RoleChange = z
  .strictObject({ role: Role.describe("The new role.") })
  .meta({ id: "RoleChange", description: "The new role of a user." });
export const ChangeRoleInput = UserInput.extend({ role: Role });

export const Session = z
  .object({
    user: User.describe("The account."),
    accessToken: z.string().describe("A JWT to send as bearer. It is signed with a key of `/.well-known/jwks.json`."),
    refreshToken: z.string().describe("The token for `POST /api/auth/refresh`. It is valid once."),
    expiresIn: z.int().describe("Seconds until the access token expires."),
    deviceToken: z
      .string()
      .optional()
      .describe(
        "Keep it on this device, also after signing out, and send it with the next sign-in. It grants nothing by itself. Returned by sign-in and registration.",
      ),
  })
  .meta({ id: "Session", description: "The signed-in user, and the tokens." });
export type Session = z.infer<typeof Session>;

/** A public key as RFC 7517 writes it. */
export interface PublicJwk {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly kid: string;
  readonly alg: string;
  readonly use: "sig";
}

/** Claims of an access token, in addition to iss, aud, iat and exp. `sub` is the user's id. */
export const AccessTokenClaims = z.object({
  sub: z.string(),
  role: Role,
  email: z.string(),
  name: z.string(),
  /** A claim of OpenID Connect. Tokens from before it was added lack it, which means: not verified. */
  email_verified: z.boolean().default(false),
});
export type AccessTokenClaims = z.infer<typeof AccessTokenClaims>;

export interface AccountsContract extends MessagingContract {
  /** Creates a customer and signs them in. Fails with email_taken. Emits USER_REGISTERED and mails a verification token. */
  register(call: Call, input: z.input<typeof RegisterInput>): Promise<Outcome<Session>>;
  /**
   * Fails with invalid_credentials, in the same time whether the e-mail or the password is wrong; with rate_limited after too many
   * wrong passwords. Like register, changePassword and resetPassword it fails with service_unavailable when too many hashes wait.
   */
  login(call: Call, input: z.input<typeof LoginInput>): Promise<Outcome<Session>>;
  /** Exchanges a refresh token for a new pair of tokens. Fails with refresh_token_invalid, or refresh_token_reused, which ends the family. */
  refresh(call: Call, input: z.input<typeof RefreshInput>): Promise<Outcome<Session>>;
  /** Ends the family of a refresh token. An unknown token is no failure: its session has ended anyway. */
  logout(call: Call, input: z.input<typeof RefreshInput>): Promise<Outcome<null>>;
  /** The signed-in user. Fails with unauthenticated when the account has been deleted. */
  me(call: Call): Promise<Outcome<User>>;
  /** Sets a new password and ends every session of the user. Fails with invalid_credentials, and rate_limited as login. */
  changePassword(call: Call, input: z.input<typeof ChangePasswordInput>): Promise<Outcome<null>>;
  /**
   * Mails a token for a new password if the e-mail has an account. The answer is always the same and precedes all the work. A user
   * has at most five valid tokens at a time.
   */
  forgotPassword(call: Call, input: z.input<typeof ForgotPasswordInput>): Promise<Outcome<null>>;
  /**
   * Sets a new password by a token, which is valid once and for 30 minutes. Ends every session and every other such token of the
   * user. Fails with reset_token_invalid for every invalid token; of two concurrent uses one succeeds.
   */
  resetPassword(call: Call, input: z.input<typeof ResetPasswordInput>): Promise<Outcome<null>>;
  /** Mails the signed-in user a token that verifies the e-mail, unless it is verified already. Fails with unauthenticated. */
  requestEmailVerification(call: Call): Promise<Outcome<null>>;
  /**
   * Verifies the caller's e-mail by a token, which is valid once and for a day. The next access token carries the result. Fails with
   * unauthenticated, and with verification_token_invalid, also for a token of another account.
   */
  verifyEmail(call: Call, input: z.input<typeof VerifyEmailInput>): Promise<Outcome<null>>;
  /** For admins: users by e-mail. Fails with invalid_cursor. */
  listUsers(call: Call, input: z.input<typeof ListUsersInput>): Promise<Outcome<UserPage>>;
  /** For admins: a user and their open sessions, the last used first, at most 100. Fails with not_found. */
  getUser(call: Call, input: z.input<typeof UserInput>): Promise<Outcome<UserDetails>>;
  /**
   * For admins: changes a user's role and ends their sessions, so that the next access token carries it. The current role changes
   * nothing. Fails with not_found; with last_admin when no admin would remain, also after concurrent changes; with forbidden when
   * the caller is no admin any more, whatever their token says.
   */
  changeRole(call: Call, input: z.input<typeof ChangeRoleInput>): Promise<Outcome<User>>;
  /** The public keys that verify access tokens: previous, current and next. */
  jwks(call: Call): Promise<Outcome<{ readonly keys: readonly PublicJwk[] }>>;
}
