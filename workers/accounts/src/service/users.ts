// Registering, signing in, changing the password, and who one is.
import type { Call } from "#shared/call";
import { isUser, localeOf } from "#shared/call";
import type { ChangePasswordInput, LoginInput, RegisterInput, Session, User } from "#shared/contracts/accounts";
import { StaleWrite, UniqueViolation, mustChange } from "#shared/database";
import type { Statement } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { makeEvent } from "#shared/events/envelope";
import { randomToken, sha256Hex } from "#shared/hash";
import { newId } from "#shared/ids";
import { outboxInsert, save } from "#shared/outbox";
import { ok } from "#shared/result";
import type { z } from "zod";
import { MAX_CREDENTIAL_ATTEMPTS } from "../constants.ts";
import type { UserRow } from "../schema.ts";
import { deleteMailTokens } from "../store/mail-tokens.ts";
import { beginFamily, endFamiliesOfUser } from "../store/sessions.ts";
import { clearAttempt, rememberSources } from "../store/sign-ins.ts";
import type { CountedAttempt } from "../store/sign-ins.ts";
import { findUser, findUserByEmail, insertUser, replacePassword } from "../store/users.ts";
import type { AccountsDeps } from "./deps.ts";
import { signingKey } from "./keys.ts";
import { passwordChanged, passwordChangedMail, tokenMail } from "./mails.ts";
import { rejectEasyPassword } from "./new-password.ts";
import { UNKNOWN_USER_HASH, checkPassword, hashPassword } from "./passwords.ts";
import { renderSession, renderUser } from "./sessions.ts";
import { limitAttempts, deviceSource, networkSource } from "./sign-ins.ts";

const ACCOUNT_GONE = fail("unauthenticated", "The account of this access token is gone; sign in with another.");
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
  const allowed = await rejectEasyPassword("password", input.password, input.email);
  if (!allowed.ok) return allowed;
  const now = deps.now();
  const [hash, key] = await Promise.all([hashPassword(deps, call, input.password), signingKey(deps)]);
  if (!hash.ok) return hash;
  const user: UserRow = {
    id: newId("usr"),
    email: input.email,
    name: input.name,
    role: "customer",
    passwordHash: hash.value,
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
  const deviceToken = randomToken();
  const verification = await tokenMail(deps, call, "email_verification", user);
  try {
    await save(deps, [
      insertUser(user),
      outboxInsert(event),
      verification.token,
      verification.mail,
      ...beginFamily(user, newId("fam"), await sha256Hex(token), now),
      ...(await remember(deps, call, user, deviceToken)),
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
  return ok({ ...(await renderSession(deps, key, user, token)), deviceToken });
}

/** The token that the device has, when it is one of ours: a text that somebody made up would be easier to guess. */
async function deviceTokenFor(
  deps: AccountsDeps,
  { email, deviceToken }: z.output<typeof LoginInput>,
  { source }: CountedAttempt,
): Promise<string> {
  const isKnown = deviceToken !== undefined && source === (await deviceSource(deps, deviceToken, email));
  return isKnown ? deviceToken : randomToken();
}

/** The network and the device that a user signs in with get in later, however often strangers try. */
async function remember(
  deps: AccountsDeps,
  call: Call,
  { id, email }: Pick<UserRow, "id" | "email">,
  deviceToken: string,
): Promise<Statement[]> {
  const sources = await Promise.all([networkSource(deps, call, email), deviceSource(deps, deviceToken, email)]);
  return rememberSources(id, sources, deps.now());
}

/** Runs a check and the write that depends on it again when the password was changed, or hashed anew, in between. */
async function untilCurrent<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StaleWrite) || tries >= MAX_CREDENTIAL_ATTEMPTS) throw error;
    }
  }
}

export async function login(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof LoginInput>,
): Promise<Outcome<Session>> {
  return await limitAttempts(deps, call, input, (attempt) =>
    untilCurrent(() => attemptLogin(deps, call, input, attempt)),
  );
}

/** An unknown e-mail takes the same steps as a wrong password, so that neither answer nor time tells which it was. */
async function attemptLogin(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof LoginInput>,
  attempt: CountedAttempt,
): Promise<Outcome<Session>> {
  const [user, key] = await Promise.all([findUserByEmail(deps.db, input.email), signingKey(deps)]);
  const check = await checkPassword(deps, call, input.password, user?.passwordHash ?? UNKNOWN_USER_HASH);
  if (!check.ok) return check;
  if (user === undefined || !check.value.matches) return INVALID_CREDENTIALS;
  const { outdated } = check.value;
  const hash = outdated ? await hashPassword(deps, call, input.password) : ok(user.passwordHash);
  if (!hash.ok) return hash;
  const token = randomToken();
  const deviceToken = await deviceTokenFor(deps, input, attempt);
  await save(deps, [
    ...clearAttempt(attempt),
    ...(await remember(deps, call, user, deviceToken)),
    ...(outdated ? [replacePassword(user, hash.value)] : []),
    ...beginFamily({ id: user.id, passwordHash: hash.value }, newId("fam"), await sha256Hex(token), deps.now()),
  ]);
  return ok({ ...(await renderSession(deps, key, user, token)), deviceToken });
}

export async function me(deps: AccountsDeps, call: Call): Promise<Outcome<User>> {
  const user = isUser(call.actor) ? await findUser(deps.db, call.actor.id) : undefined;
  return user === undefined ? ACCOUNT_GONE : ok(renderUser(user));
}

export async function changePassword(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof ChangePasswordInput>,
): Promise<Outcome<null>> {
  if (!isUser(call.actor)) return ACCOUNT_GONE;
  const { email } = call.actor;
  const allowed = await rejectEasyPassword("newPassword", input.newPassword, email);
  if (!allowed.ok) return allowed;
  return await limitAttempts(deps, call, { email }, (attempt) =>
    untilCurrent(() => attemptChangePassword(deps, call, input, attempt)),
  );
}

/** The new password and the end of all sessions are one batch. */
async function attemptChangePassword(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof ChangePasswordInput>,
  attempt: CountedAttempt,
): Promise<Outcome<null>> {
  const user = await findUser(deps.db, call.actor.id);
  if (user === undefined) return ACCOUNT_GONE;
  const check = await checkPassword(deps, call, input.currentPassword, user.passwordHash);
  if (!check.ok) return check;
  if (!check.value.matches) return INVALID_CREDENTIALS;
  const newHash = await hashPassword(deps, call, input.newPassword);
  if (!newHash.ok) return newHash;
  await save(deps, [
    replacePassword(user, newHash.value),
    mustChange(),
    ...clearAttempt(attempt),
    // A reset that somebody else asked for must not undo it.
    deleteMailTokens(user.id, "password_reset"),
    endFamiliesOfUser(user.id, deps.now(), "password"),
    passwordChangedMail(deps, call, user),
    passwordChanged(deps, call, user.id),
  ]);
  return ok(null);
}
