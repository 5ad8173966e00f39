// Users as admins list and raise them. Whether an admin would be the last is decided by the write itself: D1 runs batches one after
// the other, so of two admins who step down at once the second stays.
import { sql } from "drizzle-orm";
import type { Role } from "#shared/call";
import { mustChange, readAll } from "#shared/database";
import type { Database, Statement } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import type { UserRow } from "../schema.ts";
import { endFamiliesOfUser } from "./sessions.ts";

/** A user as the API shows one. */
export type ListedUser = Omit<UserRow, "passwordHash">;

const COLUMNS = sql`id, email, name, role, created_at AS createdAt, email_verified_at AS emailVerifiedAt`;
/** Sorts after whatever an e-mail may go on with. */
const LAST_CHARACTER = "\u{10FFFF}";

export interface UserFilter {
  /** What the e-mail begins with, in lower case. */
  readonly prefix: string;
  readonly role: Role | undefined;
  /** The e-mail of the last row seen. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** By e-mail; one more than the limit when there are more. */
export async function readUsers(db: Database, { prefix, role, after, limit }: UserFilter): Promise<ListedUser[]> {
  const conditions = [
    sql`email >= ${prefix} AND email < ${prefix + LAST_CHARACTER}`,
    ...(role === undefined ? [] : [sql`role = ${role}`]),
    ...(after === undefined ? [] : [sql`email > ${after}`]),
  ];
  return await db.all<ListedUser>(
    sql`SELECT ${COLUMNS} FROM users WHERE ${sql.join(conditions, sql` AND `)} ORDER BY email LIMIT ${limit + 1}`,
  );
}

export interface RoleSituation {
  /** Whether the caller still is an admin: a token says so for a while after. */
  readonly callerIsAdmin: boolean;
  readonly user: ListedUser | undefined;
  readonly hasOtherAdmin: boolean;
}

/** What a change of a user's role depends on. */
export async function readForRole(db: Database, callerId: string, userId: string): Promise<RoleSituation> {
  const [callers, [user], others] = await readAll<[object, ListedUser, object]>(db, [
    sql`SELECT 1 FROM users WHERE id = ${callerId} AND role = 'admin'`,
    sql`SELECT ${COLUMNS} FROM users WHERE id = ${userId}`,
    sql`SELECT 1 FROM users WHERE role = 'admin' AND id <> ${userId} LIMIT 1`,
  ]);
  return { callerIsAdmin: callers.length > 0, user, hasOtherAdmin: others.length > 0 };
}

/**
 * Gives a user another role and ends their sessions.
 * @throws StaleWrite when the user has another role by now, would be the last admin, or the caller is no admin any more.
 */
export async function writeRole(
  deps: Deps,
  callerId: string,
  user: ListedUser,
  role: Role,
  audit: Statement,
): Promise<void> {
  await save(deps, [
    sql`UPDATE users SET role = ${role} WHERE id = ${user.id} AND role = ${user.role}
      AND (role <> 'admin' OR EXISTS (SELECT 1 FROM users other WHERE other.role = 'admin' AND other.id <> ${user.id}))
      AND EXISTS (SELECT 1 FROM users caller WHERE caller.id = ${callerId} AND caller.role = 'admin')`,
    mustChange(),
    endFamiliesOfUser(user.id, deps.now(), "role"),
    audit,
  ]);
}
