// Notifications of one user, counted or about one thing. Both go over the user's own rows by their index.
import { sql } from "drizzle-orm";
import { isAdmin } from "#shared/call";
import type { User } from "#shared/call";
import type { Deps } from "#shared/deps";
import { COLUMNS, IS_VISIBLE } from "./reader.ts";
import type { ReaderRow } from "./reader.ts";

/** An order has at most a handful of messages, some on more than one channel. */
const MAX_ABOUT = 50;

/** Events of which the user has an unread message; those to the admins as a group belong to every admin. */
export async function unreadOf(deps: Deps, user: User): Promise<number> {
  const admins = isAdmin(user)
    ? sql`UNION SELECT event_id FROM notifications WHERE audience = 'admins' AND read_at IS NULL`
    : sql``;
  const rows = await deps.db.all<{ unread: number }>(sql`SELECT count(*) AS unread FROM (
      SELECT DISTINCT event_id FROM notifications WHERE user_id = ${user.id} AND read_at IS NULL AND ${IS_VISIBLE} ${admins})`);
  return rows[0]?.unread ?? 0;
}

/** A user's messages about one thing, newest first. */
export async function listAbout(deps: Deps, userId: string, about: string): Promise<ReaderRow[]> {
  return await deps.db.all<ReaderRow>(sql`SELECT ${COLUMNS} FROM notifications
    WHERE user_id = ${userId} AND about = ${about} AND ${IS_VISIBLE} ORDER BY created_at DESC, id DESC LIMIT ${MAX_ABOUT}`);
}
