// Notifications as their reader sees them: without what a ceiling held back, which nobody was told. Those to the admins as a group
// belong to every admin.
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

/** Newest first, after `key` (time and id of the last row seen). */
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
  // Two pages and a merge, because each owner has an index of its own, in this order; an OR would sort everything there is.
  return await deps.db.all<ReaderRow>(
    isAdmin(user)
      ? sql`${own} UNION ALL ${page(sql`audience = 'admins'`)} ORDER BY createdAt DESC, id DESC LIMIT ${limit}`
      : own,
  );
}

/**
 * Marks one as read, the first time only, and with it what went out about the same event on other channels: the rows of an
 * event have one time, by which the index finds them. Undefined when the user has no such notification.
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

/** An order has at most a handful of messages, some on more than one channel. */
const MAX_ABOUT = 50;

/** Events of which the user has an unread message; those to the admins as a group belong to every admin. */
export async function countUnreadEvents(deps: Deps, user: User): Promise<number> {
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
