// Whether an e-mail address is its user's: a mail with a token, and the token back.
import type { z } from "zod";
import type { Call } from "#shared/call";
import { isUser } from "#shared/call";
import type { VerifyEmailInput } from "#shared/contracts/accounts";
import { StaleWrite, mustChange } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { deleteMailTokens, findMailTokenUser, useMailToken } from "../store/mail-tokens.ts";
import { findUser, markVerified } from "../store/users.ts";
import type { AccountsDeps } from "./deps.ts";
import { emailVerified, tokenMail } from "./mails.ts";

const INVALID_TOKEN = fail(
  "verification_token_invalid",
  "The link is not valid for the account you are signed in to. Sign in to the account it was sent for, or ask for a new one.",
);

/** See AccountsContract.requestEmailVerification. */
export async function requestEmailVerification(deps: AccountsDeps, call: Call): Promise<Outcome<null>> {
  const user = isUser(call.actor) ? await findUser(deps.db, call.actor.id) : undefined;
  if (user === undefined)
    return fail("unauthenticated", "The account of this access token is gone; sign in with another.");
  if (user.emailVerifiedAt !== null) return ok(null);
  const { token, mail } = await tokenMail(deps, call, "email_verification", user);
  try {
    await save(deps, [token, mustChange(), mail]);
  } catch (error) {
    // Too many good tokens are out already: their mails will do.
    if (!(error instanceof StaleWrite)) throw error;
  }
  return ok(null);
}

/**
 * See AccountsContract.verifyEmail. Whoever signed up with somebody else's address cannot have its owner verify it: the owner has the
 * mail, but not the session.
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
  try {
    await save(deps, [
      useMailToken(tokenHash, "email_verification", now),
      mustChange(),
      markVerified(user.id, now),
      deleteMailTokens(user.id, "email_verification"),
      ...emailVerified(deps, call, user),
    ]);
  } catch (error) {
    if (error instanceof StaleWrite) return INVALID_TOKEN;
    throw error;
  }
  return ok(null);
}
