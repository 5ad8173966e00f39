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

/** The row of one action by the caller. `now` is in milliseconds since the epoch. */
export function auditInsert(call: Call, now: number, entry: AuditEntry): SQL {
  const { actor, requestId } = call;
  return sql`INSERT INTO audit_log (id, at, actor_id, actor_role, action, subject, request_id, details)
    VALUES (${newId("aud")}, ${now}, ${actor.id}, ${actor.role}, ${entry.action}, ${entry.subject}, ${requestId},
      ${JSON.stringify(entry.details ?? {})})`;
}
