// All notifications, for admins.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Call } from "#shared/call";
import { auditInsert } from "#shared/audit";
import { mustChange } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import type { NotificationRow } from "../schema.ts";

export type StaffRow = Omit<NotificationRow, "htmlBody" | "leasedUntil" | "countedFor">;

const COLUMNS = sql`id, event_id AS eventId, about, audience, user_id AS userId, recipient, channel, template, locale, subject,
  text_body AS textBody, status, attempts, next_attempt_at AS nextAttemptAt, last_error AS lastError,
  created_at AS createdAt, sent_at AS sentAt, read_at AS readAt`;

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

/** Newest first. `after` is the last id of the previous page; ids sort by time. */
export async function listAll(
  deps: Deps,
  { status, channel, kind, userId }: StaffFilter,
  after: string | undefined,
  limit: number,
): Promise<StaffRow[]> {
  const conditions = [
    after === undefined ? sql`true` : sql`id < ${after}`,
    ...(status === undefined ? [] : [isStatus(status)]),
    ...(channel === undefined ? [] : [sql`channel = ${channel}`]),
    ...(kind === undefined ? [] : [sql`template = ${kind}`]),
    ...(userId === undefined ? [] : [sql`user_id = ${userId}`]),
  ];
  return await deps.db.all<StaffRow>(sql`SELECT ${COLUMNS} FROM notifications
    WHERE ${sql.join(conditions, sql` AND `)} ORDER BY id DESC LIMIT ${limit}`);
}

export async function findAny(deps: Deps, id: string): Promise<StaffRow | undefined> {
  const rows = await deps.db.all<StaffRow>(sql`SELECT ${COLUMNS} FROM notifications WHERE id = ${id}`);
  return rows[0];
}

/** Makes a notification due now, with all attempts left. @throws StaleWrite unless it is failed or held back. */
export async function reopen(deps: Deps, call: Call, id: string): Promise<StaffRow | undefined> {
  const now = deps.now();
  const { results } = await save(deps, [
    sql`UPDATE notifications SET status = 'pending', attempts = 0, next_attempt_at = ${now}, leased_until = 0
      WHERE id = ${id} AND status IN ('failed', 'held_back') RETURNING ${COLUMNS}`,
    mustChange(),
    auditInsert(call, now, { action: "notification.retry", subject: id }),
  ]);
  return results[0]?.results[0] as StaffRow | undefined;
}
