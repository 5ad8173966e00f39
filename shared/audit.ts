// The audit log: what staff did, written in the same D1 batch as what they changed, so that neither is there without the other.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Call } from "./call.ts";
import { newId } from "./ids.ts";

export interface AuditEntry {
  /** `<thing>.<verb>`, for example `order.cancel`, `payment.refund`, `product.update`. */
  readonly action: string;
  /** The id of what was changed. */
  readonly subject: string;
  /** What an auditor wants beside it: the amount, the reason, the members that changed. Plain JSON without secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A row as it will be written. It may wait elsewhere (an object's own tables) and be written more than once. */
export interface AuditRow extends Required<AuditEntry> {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly actorId: string;
  readonly actorRole: string;
  readonly requestId: string;
}

/** The row of one action by the caller. `now` is in milliseconds since the epoch. */
export function auditRow({ actor, requestId }: Call, now: number, { details = {}, ...entry }: AuditEntry): AuditRow {
  return { ...entry, details, id: newId("aud"), at: now, actorId: actor.id, actorRole: actor.role, requestId };
}

/** Writes rows; those that are there already stay as they are. */
export function auditInsertRows(rows: readonly AuditRow[]): SQL {
  return sql`INSERT INTO audit_log (id, at, actor_id, actor_role, action, subject, request_id, details)
    SELECT value ->> 'id', value ->> 'at', value ->> 'actorId', value ->> 'actorRole', value ->> 'action', value ->> 'subject',
      value ->> 'requestId', value -> 'details'
    FROM json_each(${JSON.stringify(rows)}) WHERE true ON CONFLICT (id) DO NOTHING`;
}

/** Writes the row of one action by the caller. `now` is in milliseconds since the epoch. */
export function auditInsert(call: Call, now: number, entry: AuditEntry): SQL {
  return auditInsertRows([auditRow(call, now, entry)]);
}
