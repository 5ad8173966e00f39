// Registering, signing in, changing the password, and who one is.
import type { Call } from "#shared/call";
import { isUser, localeOf } from "#shared/call";
import type { ChangePasswordInput, LoginInput, RegisterInput, Session, User } from "#shared/contracts/accounts";
import { StaleWrite, UniqueViolation, mustChange } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { makeEvent } from "#shared/events/envelope";
import { randomToken, sha256Hex } from "#shared/hash";
import { newId } from "#shared/ids";
import { outboxInsert, save } from "#shared/outbox";
import { ok } from "#shared/result";
import type { z } from "zod";
import { MAX_CREDENTIAL_TRIES } from "../constants.ts";
import type { UserRow } from "../schema.ts";
import { dropMailTokens } from "../store/mail-tokens.ts";
import { beginFamily, endFamiliesOfUser } from "../store/sessions.ts";
import { findUser, findUserByEmail, insertUser, replacePassword } from "../store/users.ts";
import type { AccountsDeps } from "./deps.ts";
import { signingKey } from "./keys.ts";
import { passwordChangedMail, tokenMail } from "./mails.ts";
import { UNKNOWN_USER_HASH, checkPassword, hashPassword } from "./passwords.ts";
import { renderSession, renderUser } from "./sessions.ts";

const INVALID_CREDENTIALS = fail(
  "invalid_credentials",
  "The e-mail or the password is wrong; POST /api/auth/password/forgot has a link sent that sets a new one.",
);

/** User, mails, family and token are one batch: there is no account without its welcome, and none that cannot be entered. */
export async function register(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof RegisterInput>,
): Promise<Outcome<Session>> {
  const now = deps.now();
  const [passwordHash, key] = await Promise.all([hashPassword(input.password), signingKey(deps)]);
  const user: UserRow = {
    id: newId("usr"),
    email: input.email,
    name: input.name,
    role: "customer",
    passwordHash,
    createdAt: now,
    emailVerifiedAt: null,
  };
  const event = makeEvent(
    "USER_REGISTERED",
    user.id,
    { userId: user.id, email: user.email, name: user.name, locale: localeOf(call) },
    { worker: deps.worker, correlationId: call.correlationId, traceparent: call.traceparent, now },
  );
  const token = randomToken();
  const verification = await tokenMail(deps, call, "email_verification", user);
  try {
    await save(deps, [
      insertUser(user),
      outboxInsert(event),
      verification.token,
      verification.mail,
      ...beginFamily(user, newId("fam"), await sha256Hex(token), now),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation && error.constraint === "users.email") {
      return fail(
        "email_taken",
        "There is an account with this e-mail already; sign in to it, or have a link sent that sets a new password.",
      );
    }
    throw error;
  }
  return ok(await renderSession(deps, key, user, token));
}

/** Runs a check and the write that depends on it again when the password was changed, or hashed anew, in between. */
async function untilCurrent<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StaleWrite) || tries >= MAX_CREDENTIAL_TRIES) throw error;
    }
  }
}

export async function login(
  deps: AccountsDeps,
  _call: Call,
  input: z.output<typeof LoginInput>,
): Promise<Outcome<Session>> {
  return await untilCurrent(() => tryLogin(deps, input));
}

/** An unknown e-mail takes the same steps as a wrong password, so that neither answer nor time tells which it was. */
async function tryLogin(deps: AccountsDeps, input: z.output<typeof LoginInput>): Promise<Outcome<Session>> {
  const [user, key] = await Promise.all([findUserByEmail(deps.db, input.email), signingKey(deps)]);
  const check = await checkPassword(input.password, user?.passwordHash ?? UNKNOWN_USER_HASH);
  if (user === undefined || !check.matches) return INVALID_CREDENTIALS;
  const passwordHash = check.outdated ? await hashPassword(input.password) : user.passwordHash;
  const token = randomToken();
  await save(deps, [
    ...(check.outdated ? [replacePassword(user, passwordHash)] : []),
    ...beginFamily({ id: user.id, passwordHash }, newId("fam"), await sha256Hex(token), deps.now()),
  ]);
  return ok(await renderSession(deps, key, user, token));
}

export async function me(deps: AccountsDeps, call: Call): Promise<Outcome<User>> {
  const user = isUser(call.actor) ? await findUser(deps.db, call.actor.id) : undefined;
  return user === undefined
    ? fail("unauthenticated", "The account of this access token is gone; sign in with another.")
    : ok(renderUser(user));
}

export async function changePassword(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof ChangePasswordInput>,
): Promise<Outcome<null>> {
  return await untilCurrent(() => tryChangePassword(deps, call, input));
}

/** The new password and the end of all sessions are one batch. */
async function tryChangePassword(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof ChangePasswordInput>,
): Promise<Outcome<null>> {
  const user = isUser(call.actor) ? await findUser(deps.db, call.actor.id) : undefined;
  if (user === undefined)
    return fail("unauthenticated", "The account of this access token is gone; sign in with another.");
  const check = await checkPassword(input.currentPassword, user.passwordHash);
  if (!check.matches) return INVALID_CREDENTIALS;
  const newHash = await hashPassword(input.newPassword);
  await save(deps, [
    replacePassword(user, newHash),
    mustChange(),
    // A reset that somebody else asked for must not undo it.
    dropMailTokens(user.id, "password_reset"),
    endFamiliesOfUser(user.id, deps.now(), "password"),
    passwordChangedMail(deps, call, user),
  ]);
  return ok(null);
}
