// Notifications as their reader sees them: without held-back ones, which were not sent. Every admin also reads those to the admins.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { isAdmin } from "#shared/call";
import type { User } from "#shared/call";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import type { NotificationRow } from "../schema.ts";

export type ReaderRow = Pick<
  NotificationRow,
  "id" | "channel" | "template" | "subject" | "createdAt" | "readAt" | "textBody"
> & { readonly status: Exclude<NotificationRow["status"], "held_back"> };

const COLUMNS = sql`id, channel, template, subject, text_body AS textBody, status, created_at AS createdAt, read_at AS readAt`;

const IS_VISIBLE = sql`status <> 'held_back'`;

/** Newest first. `key` is the time and id of the last row of the previous page. */
export async function listFor(
  deps: Deps,
  user: User,
  key: readonly (string | number)[] | undefined,
  limit: number,
): Promise<ReaderRow[]> {
  const after = key === undefined ? sql`true` : sql`(created_at, id) < (${key[0] ?? 0}, ${key[1] ?? ""})`;
  const page = (owner: SQL): SQL => sql`SELECT * FROM (SELECT ${COLUMNS} FROM notifications
    WHERE ${owner} AND ${IS_VISIBLE} AND ${after} ORDER BY created_at DESC, id DESC LIMIT ${limit})`;
  const own = page(sql`user_id = ${user.id}`);
  // Two pages merged: each owner has an index in this order, while an OR would sort all rows.
  return await deps.db.all<ReaderRow>(
    isAdmin(user)
      ? sql`${own} UNION ALL ${page(sql`audience = 'admins'`)} ORDER BY createdAt DESC, id DESC LIMIT ${limit}`
      : own,
  );
}

/**
 * Marks a notification as read, together with the same event's rows on other channels. A repeated call keeps the first time. The rows of
 * an event share their creation time, which the index needs. Undefined when the user has no such notification.
 */
export async function markRead(deps: Deps, user: User, id: string): Promise<ReaderRow | undefined> {
  const owner = isAdmin(user) ? sql`(user_id = ${user.id} OR audience = 'admins')` : sql`user_id = ${user.id}`;
  const { results } = await save(deps, [
    sql`UPDATE notifications SET read_at = coalesce(read_at, ${deps.now()})
      WHERE ${owner} AND ${IS_VISIBLE} AND (created_at, event_id) = (SELECT created_at, event_id FROM notifications WHERE id = ${id})
      RETURNING ${COLUMNS}`,
  ]);
  return (results[0]?.results as unknown as ReaderRow[] | undefined)?.find((row) => row.id === id);
}

/** Far above the number of messages about one order. */
const MAX_ABOUT = 50;

/** Counts the events of which the user has an unread message. */
export async function countUnreadEvents(deps: Deps, user: User): Promise<number> {
  const admins = isAdmin(user)
    ? sql`UNION SELECT event_id FROM notifications WHERE audience = 'admins' AND read_at IS NULL`
    : sql``;
  const rows = await deps.db.all<{ unread: number }>(sql`SELECT count(*) AS unread FROM (
      SELECT DISTINCT event_id FROM notifications WHERE user_id = ${user.id} AND read_at IS NULL AND ${IS_VISIBLE} ${admins})`);
  return rows[0]?.unread ?? 0;
}

/** A user's messages about one subject, newest first. */
export async function listAbout(deps: Deps, userId: string, about: string): Promise<ReaderRow[]> {
  return await deps.db.all<ReaderRow>(sql`SELECT ${COLUMNS} FROM notifications
    WHERE user_id = ${userId} AND about = ${about} AND ${IS_VISIBLE} ORDER BY created_at DESC, id DESC LIMIT ${MAX_ABOUT}`);
}
