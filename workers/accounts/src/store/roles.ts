// Users as admins list them, and changes of their roles. The write itself checks that another admin remains: D1 runs batches one
// after the other, so of two admins who step down at once the second stays.
import { sql } from "drizzle-orm";
import type { Role } from "#shared/call";
import { mustChange, readAll } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Statement } from "#shared/statement";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import type { PublicUser } from "../domain/session.ts";
import { users } from "../schema.ts";
import { endFamiliesOfUser } from "./sessions.ts";
import { PUBLIC_FIELDS } from "./users.ts";

/** Sorts after every character that may follow a prefix. */
const LAST_CHARACTER = "\u{10FFFF}";

export interface UserFilter {
  /** The beginning of the e-mail, in lower case. A range of the index, not a pattern. */
  readonly prefix: string;
  readonly role: Role | undefined;
  /** The e-mail of the last row of the previous page. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** Up to `limit` users, by e-mail. */
export async function readUsers(db: Database, { prefix, role, after, limit }: UserFilter): Promise<PublicUser[]> {
  const conditions = [
    sql`email >= ${prefix} AND email < ${prefix + LAST_CHARACTER}`,
    ...(role === undefined ? [] : [sql`role = ${role}`]),
    ...(after === undefined ? [] : [sql`email > ${after}`]),
  ];
  return await db.all(
    select(PUBLIC_FIELDS, sql`FROM users WHERE ${sql.join(conditions, sql` AND `)} ORDER BY email LIMIT ${limit}`),
  );
}

/** What a change of a user's role depends on. */
export interface RoleContext {
  /** Read again, because an access token carries the admin role for up to 15 minutes after its loss. */
  readonly callerIsAdmin: boolean;
  readonly user: PublicUser | undefined;
  readonly hasOtherAdmin: boolean;
}

export async function readForRole(db: Database, callerId: string, userId: string): Promise<RoleContext> {
  const { caller, user, otherAdmin } = await readAll(db, {
    caller: select({ id: users.id }, sql`FROM users WHERE id = ${callerId} AND role = 'admin'`),
    user: select(PUBLIC_FIELDS, sql`FROM users WHERE id = ${userId}`),
    otherAdmin: select({ id: users.id }, sql`FROM users WHERE role = 'admin' AND id <> ${userId} LIMIT 1`),
  });
  return { callerIsAdmin: caller.length > 0, user: user[0], hasOtherAdmin: otherAdmin.length > 0 };
}

/**
 * Gives a user another role and ends their sessions.
 * @throws StaleWrite when the user's role has changed since it was read, no admin would remain, or the caller is no admin any more.
 */
export async function writeRole(
  deps: Deps,
  callerId: string,
  user: PublicUser,
  role: Role,
  audit: Statement,
): Promise<void> {
  await save(deps, {
    role: sql`UPDATE users SET role = ${role} WHERE id = ${user.id} AND role = ${user.role}
      AND (role <> 'admin' OR EXISTS (SELECT 1 FROM users other WHERE other.role = 'admin' AND other.id <> ${user.id}))
      AND EXISTS (SELECT 1 FROM users caller WHERE caller.id = ${callerId} AND caller.role = 'admin')`,
    changed: mustChange(),
    sessions: endFamiliesOfUser(user.id, deps.now(), "role"),
    audit,
  });
}
