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

export const COLUMNS = sql`id, channel, template, subject, text_body AS textBody, status, created_at AS createdAt, read_at AS readAt`;

export const IS_VISIBLE = sql`status <> 'held_back'`;

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
