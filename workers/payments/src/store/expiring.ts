// Authorizations that are about to lapse uncaptured, and that the admins were told of them.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { mustChange } from "#shared/database";
import type { Database, Statement } from "#shared/database";
import { makeEvent } from "#shared/events/envelope";
import { findingInsert } from "#shared/findings";
import { formatMoney } from "#shared/money";
import { outboxInsert } from "#shared/outbox";
import { DEFAULT_CAPTURE_WINDOW_MS, EXPIRY_NOTICE_MS } from "../constants.ts";
import { payments } from "../schema.ts";
import type { PaymentRow } from "../schema.ts";
import { formatTime } from "./notices.ts";
import { fromRow } from "./rows.ts";

const KIND = "authorization_expiring";

/** When an authorization lapses: as Stripe says, else by the rule of thumb from when it was made. */
export function expiryOf({ captureUntil, updatedAt }: PaymentRow): number {
  return captureUntil ?? updatedAt + DEFAULT_CAPTURE_WINDOW_MS;
}

/**
 * Authorized payments that lapse within the notice and were not flagged. All of
 * them are also due for checks, which has an index.
 */
export async function expiringPayments(db: Database, now: number, limit: number): Promise<PaymentRow[]> {
  const rows = await db.all<Record<string, unknown>>(sql`SELECT * FROM payments
    WHERE next_check_at IS NOT NULL AND status = 'AUTHORIZED' AND expiry_flagged_at IS NULL
      AND coalesce(capture_until, updated_at + ${DEFAULT_CAPTURE_WINDOW_MS}) <= ${now + EXPIRY_NOTICE_MS}
    ORDER BY capture_until LIMIT ${limit}`);
  return rows.map((row) => fromRow(payments, row));
}

/** Flags a payment, once, and tells the admins. Aborts its batch when another was first or the payment has moved on. */
export function flagExpiry(row: PaymentRow, now: number): Statement[] {
  const { orderId, orderNumber, amountCapturable, currency } = row;
  const amount = formatMoney(amountCapturable, currency);
  const expiresAt = new Date(expiryOf(row)).toISOString();
  const variables = { orderId, orderNumber, amount, expiresAt: formatTime(expiryOf(row)) };
  const cause = { worker: "payments", correlationId: row.correlationId, now };
  return [
    sql`UPDATE payments SET expiry_flagged_at = ${now}
      WHERE id = ${row.id} AND status = 'AUTHORIZED' AND expiry_flagged_at IS NULL`,
    mustChange(),
    findingInsert(now, { kind: KIND, subject: row.id, outcome: "open", details: { orderId, amount, expiresAt } }),
    outboxInsert(makeEvent("NOTIFICATION_SEND", orderId, { kind: KIND, recipient: null, variables }, cause)),
  ];
}

/** Stores what Stripe said of an authorization's end after it was made. */
export function captureUntilUpdate(paymentId: string, captureUntil: number): SQL {
  return sql`UPDATE payments SET capture_until = ${captureUntil} WHERE id = ${paymentId} AND status = 'AUTHORIZED'`;
}
