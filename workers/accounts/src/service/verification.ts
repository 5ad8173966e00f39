// Verifies that an e-mail address is its user's: mails a token, and takes the token back.
import type * as z from "zod";
import { isUser } from "#shared/call";
import type { Call } from "#shared/call";
import type { VerifyEmailInput } from "#shared/contracts/accounts";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import { ok } from "#shared/result";
import { findMailTokenUser, useMailToken } from "../store/mail-tokens.ts";
import { markVerified } from "../store/users.ts";
import type { AccountsDeps } from "./deps.ts";
import { emailVerified, sendTokenMail } from "./mails.ts";
import { readCaller } from "./users.ts";

const INVALID_TOKEN = fail(
  "verification_token_invalid",
  "The link is not valid for the account you are signed in to. Sign in to the account it was sent for, or request a new one.",
);

export async function requestEmailVerification(deps: AccountsDeps, call: Call): Promise<Outcome<null>> {
  const caller = await readCaller(deps, call);
  if (!caller.ok) return caller;
  if (caller.value.emailVerifiedAt === null) await sendTokenMail(deps, call, "email_verification", caller.value);
  return ok(null);
}

/**
 * Needs the session of the token's own account. Otherwise whoever signs up with somebody else's address could have its owner
 * verify it: the owner has the mail, but not the session.
 */
export async function verifyEmail(
  deps: AccountsDeps,
  call: Call,
  { token }: z.output<typeof VerifyEmailInput>,
): Promise<Outcome<null>> {
  if (!isUser(call.actor)) return fail("unauthenticated", "Sign in to the account that the link was sent for.");
  const tokenHash = await sha256Hex(token);
  const now = deps.now();
  const user = await findMailTokenUser(deps.db, tokenHash, "email_verification", now);
  if (user?.id !== call.actor.id) return INVALID_TOKEN;
  const isUsed = await useMailToken(deps, { tokenHash, userId: user.id, purpose: "email_verification" }, [
    markVerified(user.id, now),
    ...emailVerified(deps, call, user),
  ]);
  return isUsed ? ok(null) : INVALID_TOKEN;
}
