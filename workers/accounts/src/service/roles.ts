// What admins do with users: list them, look at one, and change roles. A change of the role ends the user's sessions, so that the next
// access token carries the new role.
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import type {
  ChangeRoleInput,
  ListUsersInput,
  User,
  UserDetails,
  UserInput,
  UserPage,
  UserSession,
} from "#shared/contracts/accounts";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { readPage } from "#shared/paging";
import { ok } from "#shared/result";
import { retryOrRefuse } from "#shared/retry";
import * as z from "zod";
import { MAX_LISTED_SESSIONS } from "../constants.ts";
import { renderUser } from "../domain/session.ts";
import { readForRole, readUsers, writeRole } from "../store/roles.ts";
import { readSessions } from "../store/sessions.ts";
import type { SessionRow } from "../store/sessions.ts";
import { findUser } from "../store/users.ts";
import type { AccountsDeps } from "./deps.ts";

export async function listUsers(
  deps: AccountsDeps,
  _call: Call,
  { q: prefix = "", role, ...page }: z.output<typeof ListUsersInput>,
): Promise<Outcome<UserPage>> {
  return await readPage(page, {
    scope: ["users", prefix, role ?? null],
    key: z.tuple([z.string()]),
    read: (after, limit) => readUsers(deps.db, { prefix, role, after: after?.[0], limit }),
    keyOf: ({ email }) => [email],
    render: renderUser,
  });
}

function renderUserSession({ id, createdAt, lastUsedAt, expiresAt }: SessionRow): UserSession {
  const iso = (time: number): string => new Date(time).toISOString();
  return { id, createdAt: iso(createdAt), lastUsedAt: iso(lastUsedAt), expiresAt: iso(expiresAt) };
}

export async function getUser(
  deps: AccountsDeps,
  _call: Call,
  { userId }: z.output<typeof UserInput>,
): Promise<Outcome<UserDetails>> {
  const [user, sessions] = await Promise.all([
    findUser(deps.db, userId),
    readSessions(deps.db, userId, deps.now(), MAX_LISTED_SESSIONS),
  ]);
  if (user === undefined) return fail("not_found", "There is no such user.");
  return ok({ user: renderUser(user), sessions: sessions.map(renderUserSession) });
}

/** Writes only over what it read and decided on. When that has changed in between, it reads and decides again. */
export async function changeRole(
  deps: AccountsDeps,
  call: Call,
  { userId, role }: z.output<typeof ChangeRoleInput>,
): Promise<Outcome<User>> {
  const callerId = call.actor.id;
  return await retryOrRefuse(async () => {
    const { callerIsAdmin, user, hasOtherAdmin } = await readForRole(deps.db, callerId, userId);
    if (!callerIsAdmin) return fail("forbidden", "Your role does not allow this any more.");
    if (user === undefined) return fail("not_found", "There is no such user.");
    if (user.role === role) return ok(renderUser(user));
    if (user.role === "admin" && !hasOtherAdmin) {
      return fail("last_admin", "This is the only admin; give another user the role first.");
    }
    const details = { from: user.role, to: role };
    const audit = auditInsert(call, deps.now(), { action: "user.change_role", subject: userId, details });
    await writeRole(deps, callerId, user, role, audit);
    return ok(renderUser({ ...user, role }));
  });
}
