// Notifications as their reader sees them: without held-back ones, which were not sent. Every admin also reads those to the admins.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { isAdmin } from "#shared/call";
import type { User } from "#shared/call";
import { returning, select } from "#shared/statement";
import type { RowOf } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { save } from "#shared/outbox";
import type { NumberThenId } from "#shared/paging";
import { notifications } from "../schema.ts";

const FIELDS = {
  id: notifications.id,
  channel: notifications.channel,
  template: notifications.template,
  subject: notifications.subject,
  textBody: notifications.textBody,
  // IS_VISIBLE leaves out `held_back`.
  status: sql<"pending" | "sent" | "failed">`status`,
  createdAt: notifications.createdAt,
  readAt: notifications.readAt,
};
export type ReaderRow = RowOf<typeof FIELDS>;

const IS_VISIBLE = sql`status <> 'held_back'`;

/** Newest first. `key` is the time and id of the last row of the previous page. */
export async function listFor(
  deps: Deps,
  user: User,
  key: NumberThenId | undefined,
  limit: number,
): Promise<ReaderRow[]> {
  const after = key === undefined ? sql`true` : sql`(created_at, id) < (${key[0]}, ${key[1]})`;
  const page = (condition: SQL): SQL =>
    sql`WHERE ${condition} AND ${IS_VISIBLE} AND ${after} ORDER BY created_at DESC, id DESC LIMIT ${limit}`;
  const own = sql`user_id = ${user.id}`;
  if (!isAdmin(user)) return await deps.db.all(select(FIELDS, sql`FROM notifications ${page(own)}`));
  // Two pages merged: each owner has an index in this order, while an OR would sort all rows.
  const ids = (condition: SQL): SQL => sql`SELECT id FROM (SELECT id FROM notifications ${page(condition)})`;
  return await deps.db.all(
    select(
      FIELDS,
      sql`FROM notifications WHERE id IN (${ids(own)} UNION ALL ${ids(sql`audience = 'admins'`)})
        ORDER BY created_at DESC, id DESC LIMIT ${limit}`,
    ),
  );
}

/**
 * Marks a notification as read, together with the same event's rows on other channels. A repeated call keeps the first time. The rows of
 * an event share their creation time, which the index needs. Undefined when the user has no such notification.
 */
export async function markRead(deps: Deps, user: User, id: string): Promise<ReaderRow | undefined> {
  const event = sql`(created_at, event_id) = (SELECT created_at, event_id FROM notifications WHERE id = ${id})`;
  const ids = (owner: SQL): SQL => sql`SELECT id FROM notifications WHERE ${owner} AND ${IS_VISIBLE} AND ${event}`;
  // Each owner has an index, while an OR would read all messages to the admins.
  const admins = isAdmin(user) ? sql`UNION ALL ${ids(sql`audience = 'admins'`)}` : sql``;
  const update = sql`UPDATE notifications SET read_at = coalesce(read_at, ${deps.now()})
    WHERE id IN (${ids(sql`user_id = ${user.id}`)} ${admins})`;
  const { read } = await save(deps, { read: returning(update, FIELDS) });
  return read.rows.find((row) => row.id === id);
}

/** Counts the events of which the user has an unread message. */
export async function countUnreadEvents(deps: Deps, user: User): Promise<number> {
  const admins = isAdmin(user)
    ? sql`UNION SELECT event_id FROM notifications WHERE audience = 'admins' AND read_at IS NULL`
    : sql``;
  const row = await deps.db.first(
    select(
      { unread: sql<number>`count(*)` },
      sql`FROM (SELECT DISTINCT event_id FROM notifications
        WHERE user_id = ${user.id} AND read_at IS NULL AND ${IS_VISIBLE} ${admins})`,
    ),
  );
  return row?.unread ?? 0;
}

/** Far above the number of messages about one order. */
const MAX_ABOUT = 50;

/** A user's messages about one subject, newest first. */
export async function listAbout(deps: Deps, userId: string, about: string): Promise<ReaderRow[]> {
  return await deps.db.all(
    select(
      FIELDS,
      sql`FROM notifications WHERE user_id = ${userId} AND about = ${about} AND ${IS_VISIBLE}
        ORDER BY created_at DESC, id DESC LIMIT ${MAX_ABOUT}`,
    ),
  );
}
