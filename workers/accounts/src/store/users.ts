// Users, their passwords and the state of their e-mail addresses.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Statement } from "#shared/statement";
import { users } from "../schema.ts";
import type { UserRow } from "../schema.ts";

const FIELDS = getTableColumns(users);
/** The columns of a `PublicUser`. */
export const { passwordHash: _passwordHash, ...PUBLIC_FIELDS } = FIELDS;

/** The column ignores case. */
export async function findUserByEmail(db: Database, email: string): Promise<UserRow | undefined> {
  return await db.first(select(FIELDS, sql`FROM users WHERE email = ${email}`));
}

export async function findUser(db: Database, id: string): Promise<UserRow | undefined> {
  return await db.first(select(FIELDS, sql`FROM users WHERE id = ${id}`));
}

export function insertUser(user: UserRow): Statement {
  return sql`INSERT INTO users (id, email, name, role, password_hash, created_at)
    VALUES (${user.id}, ${user.email}, ${user.name}, ${user.role}, ${user.passwordHash}, ${user.createdAt})`;
}

/** Sets a password by a mailed token, which also verifies the address. */
export function resetPasswordOf(userId: string, newHash: string, now: number): SQL {
  return sql`UPDATE users SET password_hash = ${newHash}, email_verified_at = coalesce(email_verified_at, ${now})
    WHERE id = ${userId}`;
}

export function markVerified(userId: string, now: number): SQL {
  return sql`UPDATE users SET email_verified_at = coalesce(email_verified_at, ${now}) WHERE id = ${userId}`;
}

/** Changes nothing when the password is not the checked one any more. */
export function replacePassword(user: UserRow, newHash: string): SQL {
  return sql`UPDATE users SET password_hash = ${newHash}
    WHERE id = ${user.id} AND password_hash = ${user.passwordHash}`;
}
