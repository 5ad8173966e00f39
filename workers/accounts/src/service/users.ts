// Registration, sign-in, change of the password, and the caller's own account.
import type * as z from "zod";
import { isUser } from "#shared/call";
import type { Call } from "#shared/call";
import type { ChangePasswordInput, LoginInput, RegisterInput, Session, User } from "#shared/contracts/accounts";
import { UniqueViolation, mustChange } from "#shared/database";
import type { Statement } from "#shared/statement";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { randomToken, sha256Hex } from "#shared/hash";
import { newId } from "#shared/ids";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { retryOnStale } from "#shared/retry";
import { MAX_CREDENTIAL_ATTEMPTS } from "../constants.ts";
import { renderUser } from "../domain/session.ts";
import type { UserRow } from "../schema.ts";
import { deleteMailTokens } from "../store/mail-tokens.ts";
import { beginFamily, endFamiliesOfUser } from "../store/sessions.ts";
import { clearAttempt, rememberSources } from "../store/sign-ins.ts";
import type { CountedAttempt } from "../store/sign-ins.ts";
import { findUser, findUserByEmail, insertUser, replacePassword } from "../store/users.ts";
import type { AccountsDeps } from "./deps.ts";
import { signingKey } from "./keys.ts";
import { passwordChanged, passwordChangedMail, tokenMail, userRegistered } from "./mails.ts";
import { rejectEasyPassword } from "./new-password.ts";
import { checkPassword, hashPassword, unknownUserHash } from "./passwords.ts";
import { renderSession } from "./sessions.ts";
import { deviceSource, limitAttempts, networkSource } from "./sign-ins.ts";

const ACCOUNT_GONE = fail("unauthenticated", "The account of this access token is gone; sign in with another.");
const INVALID_CREDENTIALS = fail(
  "invalid_credentials",
  "The e-mail or the password is wrong; POST /api/auth/password/forgot mails a link that sets a new one.",
);

/** The signed-in caller's row. Fails with unauthenticated for a guest, and when the account has been deleted. */
export async function readCaller(deps: AccountsDeps, { actor }: Call): Promise<Outcome<UserRow>> {
  const user = isUser(actor) ? await findUser(deps.db, actor.id) : undefined;
  return user === undefined ? ACCOUNT_GONE : ok(user);
}

/** User, mails, family and refresh token are one batch: no account exists without its welcome mail and its first session. */
export async function register(
  deps: AccountsDeps,
  call: Call,
  { email, name, password }: z.output<typeof RegisterInput>,
): Promise<Outcome<Session>> {
  const allowed = await rejectEasyPassword("password", password, email);
  if (!allowed.ok) return allowed;
  const now = deps.now();
  const [hash, key] = await Promise.all([hashPassword(deps, call, password), signingKey(deps)]);
  if (!hash.ok) return hash;
  const user: UserRow = {
    id: newId("usr"),
    email,
    name,
    role: "customer",
    passwordHash: hash.value,
    createdAt: now,
    emailVerifiedAt: null,
  };
  const token = randomToken();
  const deviceToken = randomToken();
  const verification = await tokenMail(deps, call, "email_verification", user);
  try {
    await save(deps, {
      user: insertUser(user),
      event: userRegistered(deps, call, user),
      ...verification,
      session: beginFamily(user, newId("fam"), await sha256Hex(token), now),
      sources: await rememberSignIn(deps, call, user, deviceToken),
    });
  } catch (error) {
    if (error instanceof UniqueViolation && error.constraint === "users.email") {
      return fail(
        "email_taken",
        "An account has this e-mail already; sign in to it, or request a link that sets a new password.",
      );
    }
    throw error;
  }
  return ok({ ...(await renderSession(deps, key, user, token)), deviceToken });
}

/** The device's own token if it is a known one. An invented token is replaced, because it may be easy to guess. */
async function deviceTokenFor(
  deps: AccountsDeps,
  { email, deviceToken }: z.output<typeof LoginInput>,
  { source }: CountedAttempt,
): Promise<string> {
  const isKnown = deviceToken !== undefined && source === (await deviceSource(deps, deviceToken, email));
  return isKnown ? deviceToken : randomToken();
}

/** Makes the network and the device of a sign-in known sources, which strangers cannot lock out. */
async function rememberSignIn(
  deps: AccountsDeps,
  call: Call,
  { id, email }: Pick<UserRow, "id" | "email">,
  deviceToken: string,
): Promise<Statement[]> {
  const sources = await Promise.all([networkSource(deps, call, email), deviceSource(deps, deviceToken, email)]);
  return rememberSources(id, sources, deps.now());
}

/** Another sign-in may replace an outdated hash between the check of the password and the write. */
const CREDENTIAL_RETRIES = { attempts: MAX_CREDENTIAL_ATTEMPTS };

export async function login(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof LoginInput>,
): Promise<Outcome<Session>> {
  return await limitAttempts(deps, call, input, (attempt) =>
    retryOnStale(() => attemptLogin(deps, call, input, attempt), CREDENTIAL_RETRIES),
  );
}

/** An unknown e-mail takes the same steps as a wrong password, so that neither the answer nor its time tells them apart. */
async function attemptLogin(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof LoginInput>,
  attempt: CountedAttempt,
): Promise<Outcome<Session>> {
  const [user, key] = await Promise.all([findUserByEmail(deps.db, input.email), signingKey(deps)]);
  const check = await checkPassword(deps, call, input.password, user?.passwordHash ?? unknownUserHash(deps));
  if (!check.ok) return check;
  if (user === undefined || !check.value.matches) return INVALID_CREDENTIALS;
  const { outdated } = check.value;
  const hash = outdated ? await hashPassword(deps, call, input.password) : ok(user.passwordHash);
  if (!hash.ok) return hash;
  const token = randomToken();
  const deviceToken = await deviceTokenFor(deps, input, attempt);
  await save(deps, {
    attempt: clearAttempt(attempt),
    sources: await rememberSignIn(deps, call, user, deviceToken),
    password: outdated ? [replacePassword(user, hash.value)] : [],
    session: beginFamily({ id: user.id, passwordHash: hash.value }, newId("fam"), await sha256Hex(token), deps.now()),
  });
  return ok({ ...(await renderSession(deps, key, user, token)), deviceToken });
}

export async function me(deps: AccountsDeps, call: Call): Promise<Outcome<User>> {
  const user = await readCaller(deps, call);
  return user.ok ? ok(renderUser(user.value)) : user;
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
    retryOnStale(() => attemptChangePassword(deps, call, input, attempt), CREDENTIAL_RETRIES),
  );
}

/** The new password and the end of all sessions are one batch. */
async function attemptChangePassword(
  deps: AccountsDeps,
  call: Call,
  input: z.output<typeof ChangePasswordInput>,
  attempt: CountedAttempt,
): Promise<Outcome<null>> {
  const caller = await readCaller(deps, call);
  if (!caller.ok) return caller;
  const user = caller.value;
  const check = await checkPassword(deps, call, input.currentPassword, user.passwordHash);
  if (!check.ok) return check;
  if (!check.value.matches) return INVALID_CREDENTIALS;
  const newHash = await hashPassword(deps, call, input.newPassword);
  if (!newHash.ok) return newHash;
  await save(deps, {
    password: replacePassword(user, newHash.value),
    replaced: mustChange(),
    attempt: clearAttempt(attempt),
    // A reset that somebody else requested must not undo this change.
    resets: deleteMailTokens(user.id, "password_reset"),
    sessions: endFamiliesOfUser(user.id, deps.now(), "password"),
    mail: passwordChangedMail(deps, call, user),
    event: passwordChanged(deps, call, user.id),
  });
  return ok(null);
}
