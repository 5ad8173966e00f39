// A forgotten password: mails a token, and takes the token for a new password.
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { ForgotPasswordInput, ResetPasswordInput } from "#shared/contracts/accounts";
import type { Statement } from "#shared/statement";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import { log, withInvocation } from "#shared/logger";
import { ok } from "#shared/result";
import type { PublicUser } from "../domain/session.ts";
import { findMailTokenUser, useMailToken } from "../store/mail-tokens.ts";
import { endFamiliesOfUser } from "../store/sessions.ts";
import { deleteFailures, rememberSources } from "../store/sign-ins.ts";
import { findUserByEmail, resetPasswordOf } from "../store/users.ts";
import type { AccountsDeps } from "./deps.ts";
import { emailVerified, passwordChanged, passwordChangedMail, sendTokenMail } from "./mails.ts";
import { rejectEasyPassword } from "./new-password.ts";
import { hashPassword } from "./passwords.ts";
import { networkSource, sourceBucket } from "./sign-ins.ts";

const INVALID_TOKEN = fail("reset_token_invalid", "The link is not valid any more. Request a new one.");

/**
 * All the work follows the answer, so that neither its content nor its time tells whether the e-mail has an account. A crash in
 * between loses a mail, which the user can request again.
 */
export async function forgotPassword(
  deps: AccountsDeps,
  call: Call,
  { email }: z.output<typeof ForgotPasswordInput>,
): Promise<Outcome<null>> {
  const { worker, logLevel: level } = deps;
  const { correlationId, requestId } = call;
  const invocation = { worker, operation: "forgotPassword.mail", correlationId, requestId, level };
  deps.waitUntil(withInvocation(invocation, () => mailReset(deps, call, email)));
  return ok(null);
}

async function mailReset(deps: AccountsDeps, call: Call, email: string): Promise<void> {
  try {
    const user = await findUserByEmail(deps.db, email);
    if (user !== undefined) await sendTokenMail(deps, call, "password_reset", user);
  } catch (error) {
    log("error", "a password reset was not mailed", { error });
  }
}

/** Clears the failures of the network where the link was opened and makes it a known source: its user has the mailbox. */
async function trustNetwork(
  deps: AccountsDeps,
  call: Call,
  { id, email }: Pick<PublicUser, "id" | "email">,
): Promise<Statement[]> {
  const source = await networkSource(deps, call, email);
  return [deleteFailures(await sourceBucket(deps, source)), ...rememberSources(id, [source], deps.now())];
}

/** The token proves that the caller has the mailbox, so the same batch verifies the e-mail. */
export async function resetPassword(
  deps: AccountsDeps,
  call: Call,
  { token, newPassword }: z.output<typeof ResetPasswordInput>,
): Promise<Outcome<null>> {
  const tokenHash = await sha256Hex(token);
  const user = await findMailTokenUser(deps.db, tokenHash, "password_reset", deps.now());
  if (user === undefined) return INVALID_TOKEN;
  const allowed = await rejectEasyPassword("newPassword", newPassword, user.email);
  if (!allowed.ok) return allowed;
  const hash = await hashPassword(deps, call, newPassword);
  if (!hash.ok) return hash;
  const now = deps.now();
  const isUsed = await useMailToken(deps, { tokenHash, userId: user.id, purpose: "password_reset" }, [
    resetPasswordOf(user.id, hash.value, now),
    endFamiliesOfUser(user.id, now, "password"),
    passwordChangedMail(deps, call, { ...user, emailVerifiedAt: user.emailVerifiedAt ?? now }),
    passwordChanged(deps, call, user.id),
    ...emailVerified(deps, call, user),
    ...(await trustNetwork(deps, call, user)),
  ]);
  return isUsed ? ok(null) : INVALID_TOKEN;
}
