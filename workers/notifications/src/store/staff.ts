// All notifications, for admins.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import { mustChange } from "#shared/database";
import { returning, select } from "#shared/statement";
import type { RowOf } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { matching } from "#shared/operations";
import { save } from "#shared/outbox";
import { isBehind, searchBack } from "#shared/search";
import type { Part } from "#shared/search";
import { notifications } from "../schema.ts";
import type { NotificationRow } from "../schema.ts";

const {
  htmlBody: _htmlBody,
  leasedUntil: _leasedUntil,
  countedFor: _countedFor,
  ...FIELDS
} = getTableColumns(notifications);
export type StaffRow = RowOf<typeof FIELDS>;

export interface StaffFilter {
  readonly status: NotificationRow["status"] | undefined;
  readonly channel: NotificationRow["channel"] | undefined;
  readonly kind: string | undefined;
  readonly userId: string | undefined;
}

/** Literals where a partial index needs them. */
function isStatus(status: NotificationRow["status"]): SQL {
  if (status === "failed") return sql`status = 'failed'`;
  return status === "held_back" ? sql`status = 'held_back'` : sql`status = ${status}`;
}

/** Newest first. `after` is the last id of the previous page; ids sort by time. Failed and held-back ones, and a user's, have an index. */
export async function listAll(
  { db }: Deps,
  { status, channel, kind, userId }: StaffFilter,
  after: string | undefined,
  limit: number,
): Promise<Part<StaffRow>> {
  const filters = matching({ channel, template: kind, user_id: userId }, [], undefined);
  const wanted = status === undefined ? filters : sql`${isStatus(status)} AND ${filters}`;
  const isIndexed = status === "failed" || status === "held_back" || userId !== undefined;
  const before = after === undefined ? undefined : [after];
  if (!isIndexed)
    return await searchBack(db, { fields: FIELDS, table: "notifications", key: ["id"], wanted, before, limit });
  const where = sql`${isBehind(["id"], before)} AND ${wanted}`;
  const rows = await db.all(select(FIELDS, sql`FROM notifications WHERE ${where} ORDER BY id DESC LIMIT ${limit}`));
  return { rows, reached: undefined };
}

export async function findAny(deps: Deps, id: string): Promise<StaffRow | undefined> {
  return await deps.db.first(select(FIELDS, sql`FROM notifications WHERE id = ${id}`));
}

/** Makes a notification due now, with all attempts left. @throws StaleWrite unless it is failed or held back. */
export async function reopen(deps: Deps, call: Call, id: string): Promise<StaffRow | undefined> {
  const now = deps.now();
  const update = sql`UPDATE notifications SET status = 'pending', attempts = 0, next_attempt_at = ${now}, leased_until = 0
    WHERE id = ${id} AND status IN ('failed', 'held_back')`;
  const { reopened } = await save(deps, {
    reopened: returning(update, FIELDS),
    changed: mustChange(),
    audit: auditInsert(call, now, { action: "notification.retry", subject: id }),
  });
  return reopened.rows[0];
}
