// A forgotten password: a mail with a token, and the new password for the token.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { ForgotPasswordInput, ResetPasswordInput } from "#shared/contracts/accounts";
import { StaleWrite, mustChange } from "#shared/database";
import type { Statement } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import { log, withInvocation } from "#shared/logger";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { deleteMailTokens, findMailTokenUser, useMailToken } from "../store/mail-tokens.ts";
import { endFamiliesOfUser } from "../store/sessions.ts";
import { deleteFailures, rememberSources } from "../store/sign-ins.ts";
import { findUserByEmail, resetPasswordOf } from "../store/users.ts";
import type { AccountsDeps } from "./deps.ts";
import { emailVerified, passwordChanged, passwordChangedMail, tokenMail } from "./mails.ts";
import { rejectEasyPassword } from "./new-password.ts";
import { hashPassword } from "./passwords.ts";
import { networkSource, sourceBucket } from "./sign-ins.ts";

const INVALID_TOKEN = fail("reset_token_invalid", "The link is not valid any more. Ask for a new one.");

/**
 * See AccountsContract.forgotPassword. All the work comes after the answer, so that neither its words nor its time tell whether the
 * e-mail has an account. A crash in between costs a mail that can be asked for again.
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
    if (user === undefined) return;
    const { token, mail } = await tokenMail(deps, call, "password_reset", user);
    await save(deps, [token, mustChange(), mail]);
  } catch (error) {
    // Too many good tokens are out already: their mails will do.
    if (!(error instanceof StaleWrite)) log("error", "a password reset was not mailed", { error });
  }
}

/** Who has the mail gets in from where it was opened, whatever strangers tried. */
async function admit(
  deps: AccountsDeps,
  call: Call,
  { id, email }: { readonly id: string; readonly email: string },
): Promise<Statement[]> {
  const source = await networkSource(deps, call, email);
  return [deleteFailures(await sourceBucket(deps, source)), ...rememberSources(id, [source], deps.now())];
}

/** See AccountsContract.resetPassword. Of two uses at once one deletes the token, and the other's batch changes nothing. */
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
  try {
    await save(deps, [
      useMailToken(tokenHash, "password_reset", now),
      mustChange(),
      resetPasswordOf(user.id, hash.value, now),
      deleteMailTokens(user.id, "password_reset"),
      endFamiliesOfUser(user.id, now, "password"),
      // Whoever used the token has the mailbox.
      passwordChangedMail(deps, call, { ...user, emailVerifiedAt: user.emailVerifiedAt ?? now }),
      passwordChanged(deps, call, user.id),
      ...emailVerified(deps, call, user),
      ...(await admit(deps, call, user)),
    ]);
  } catch (error) {
    if (error instanceof StaleWrite) return INVALID_TOKEN;
    throw error;
  }
  return ok(null);
}
