// Users, credentials, sessions and signing keys: what the accounts Worker answers.
import { z } from "zod";
import { Role } from "../call.ts";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { PageQuery, pageOf } from "../paging.ts";
import { line } from "../text.ts";
import type { MessagingContract } from "./messaging.ts";

/** Stored and compared in lower case. 254 characters is the longest address that SMTP carries (RFC 5321, 4.5.3.1.3). */
export const Email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254)
  .pipe(z.email())
  .describe("An e-mail address, at most 254 characters. Case does not matter.");
const NewPassword = z.string().min(10).max(200).describe("A password of 10 to 200 characters.");
/** A password that is checked, not chosen: seeded and older ones may be shorter. */
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
        "The `deviceToken` of an earlier answer. With it the owner gets in when strangers have tried too many passwords.",
      ),
  })
  .meta({ id: "Login", description: "Who signs in." });
export const RefreshInput = z
  .strictObject({
    refreshToken: z.string().min(1).max(200).describe("The refresh token of the last answer. Refreshing uses it up."),
  })
  .meta({ id: "RefreshSession", description: "A refresh token." });
export const ChangePasswordInput = z
  .strictObject({
    currentPassword: Password.describe("The password as it is."),
    newPassword: NewPassword.describe("The new password, 10 to 200 characters."),
  })
  .meta({ id: "ChangePassword", description: "The password as it is and as it will be." });

export const ForgotPasswordInput = z
  .strictObject({ email: Email.describe("The account's e-mail address.") })
  .meta({ id: "ForgotPassword", description: "Whose password was forgotten." });
const MailToken = z.string().min(1).max(200).describe("The token of the mailed link.");
export const ResetPasswordInput = z
  .strictObject({
    token: MailToken.describe("The token of the mailed link, good once and for 30 minutes."),
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
    role: Role.describe("What the user may do."),
    createdAt: z.iso.datetime().describe("When the account was made."),
    emailVerified: z.boolean().describe("Whether the user has proved that mail to the address reaches them."),
  })
  .meta({ id: "User", description: "An account." });
export type User = z.infer<typeof User>;

export const UserPage = pageOf(User).meta({ id: "UserPage", description: "One page of accounts." });
export type UserPage = z.infer<typeof UserPage>;

export const UserSession = z
  .object({
    id: z.string().describe("The id of the sign-in; no token."),
    createdAt: z.iso.datetime().describe("When the user signed in."),
    lastUsedAt: z.iso.datetime().describe("When the session was last refreshed, or begun."),
    expiresAt: z.iso.datetime().describe("When it ends unless it is refreshed before."),
  })
  .meta({ id: "UserSession", description: "A sign-in of a user that has not ended." });
export type UserSession = z.infer<typeof UserSession>;

export interface UserDetails {
  readonly user: User;
  readonly sessions: readonly UserSession[];
}

export const ListUsersInput = PageQuery.extend({
  q: z.string().trim().toLowerCase().max(254).optional().describe("What the e-mail address begins with."),
  role: Role.optional().describe("Only users with this role."),
});
export const UserInput = z.object({ userId: idSchema("usr").describe("The user's id.") });
export const RoleChange = z
  .strictObject({ role: Role.describe("The role to give.") })
  .meta({ id: "RoleChange", description: "The new role of a user." });
export const ChangeRoleInput = UserInput.extend({ role: Role });

export const Session = z
  .object({
    user: User.describe("The account."),
    accessToken: z.string().describe("A JWT to send as bearer. It is signed with a key of `/.well-known/jwks.json`."),
    refreshToken: z.string().describe("What `POST /api/auth/refresh` takes for the next session. Good once."),
    expiresIn: z.int().describe("Seconds until the access token expires."),
    deviceToken: z
      .string()
      .optional()
      .describe(
        "To keep on this device, also after signing out, and to send with its next sign-in. It opens nothing by itself. Told when signing in or up.",
      ),
  })
  .meta({ id: "Session", description: "Who is signed in, and the tokens." });
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

/** Claims of an access token beside iss, aud, iat and exp. `sub` is the user's id. */
export const AccessTokenClaims = z.object({
  sub: z.string(),
  role: Role,
  email: z.string(),
  name: z.string(),
  /** OpenID Connect's claim of that name. Absent in tokens that were signed before it was given: not verified. */
  email_verified: z.boolean().default(false),
});
export type AccessTokenClaims = z.infer<typeof AccessTokenClaims>;

export interface AccountsContract extends MessagingContract {
  /** Creates a customer and signs them in. Fails with email_taken. Emits USER_REGISTERED and mails a verification token. */
  register(call: Call, input: z.input<typeof RegisterInput>): Promise<Outcome<Session>>;
  /**
   * Fails with invalid_credentials, in the same time whether the e-mail or the password is wrong; with rate_limited after too many
   * wrong passwords, with service_unavailable when too many hashes wait. So do register, changePassword and resetPassword.
   */
  login(call: Call, input: z.input<typeof LoginInput>): Promise<Outcome<Session>>;
  /** Trades a refresh token for a new pair. Fails with refresh_token_invalid, or refresh_token_reused, which ends the family. */
  refresh(call: Call, input: z.input<typeof RefreshInput>): Promise<Outcome<Session>>;
  /** Ends the family of a refresh token. An unknown token is no failure: the caller is signed out either way. */
  logout(call: Call, input: z.input<typeof RefreshInput>): Promise<Outcome<null>>;
  /** The signed-in user. Fails with unauthenticated when the account is gone. */
  me(call: Call): Promise<Outcome<User>>;
  /** Ends every session of the user. Fails with invalid_credentials. */
  changePassword(call: Call, input: z.input<typeof ChangePasswordInput>): Promise<Outcome<null>>;
  /**
   * Mails a token for a new password, when the e-mail has an account. Answers at once and always the same: the work comes after the
   * answer. No more than five good tokens at a time are mailed to one user.
   */
  forgotPassword(call: Call, input: z.input<typeof ForgotPasswordInput>): Promise<Outcome<null>>;
  /**
   * Sets a new password by a token, which is good once and for 30 minutes. Ends every session and every other such token of the
   * user. Fails with reset_token_invalid, whatever is wrong with the token; of two uses at once one succeeds.
   */
  resetPassword(call: Call, input: z.input<typeof ResetPasswordInput>): Promise<Outcome<null>>;
  /** Mails the signed-in user a token that verifies the e-mail; nothing when it is verified. Fails with unauthenticated. */
  requestEmailVerification(call: Call): Promise<Outcome<null>>;
  /**
   * Verifies the caller's e-mail by a token, good once and for a day. Fails with unauthenticated, and with verification_token_invalid
   * for a token of another account too. The next access token says that the e-mail is verified.
   */
  verifyEmail(call: Call, input: z.input<typeof VerifyEmailInput>): Promise<Outcome<null>>;
  /** For admins: all users by e-mail. Fails with invalid_cursor. */
  listUsers(call: Call, input: z.input<typeof ListUsersInput>): Promise<Outcome<UserPage>>;
  /** For admins: a user and their sessions, the latest used first, at most 100. Fails with not_found. */
  getUser(call: Call, input: z.input<typeof UserInput>): Promise<Outcome<UserDetails>>;
  /**
   * For admins: gives a user another role, and ends their sessions, so that the next access token carries it. The present role
   * again changes nothing. Fails with not_found; last_admin when no admin would be left, also of several such changes at once;
   * forbidden when the caller has ceased to be an admin, whatever their token says.
   */
  changeRole(call: Call, input: z.input<typeof ChangeRoleInput>): Promise<Outcome<User>>;
  /** The keys that access tokens may be signed with: current, next and previous. */
  jwks(call: Call): Promise<Outcome<{ readonly keys: readonly PublicJwk[] }>>;
}
