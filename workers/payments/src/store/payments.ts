// Writes of payments that exist. A change is guarded by the payment's version and stands in one batch with its history.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { mustChange } from "#shared/database";
import { select } from "#shared/statement";
import type { PaymentState } from "#shared/contracts/payments";
import type { Query, RowOf, Statement } from "#shared/statement";
import { FIRST_CHECK_MS, MAX_CHECK_MS, SLOW_CHECK_ATTEMPTS } from "../constants.ts";
import type { CheckPlan } from "../domain/checks.ts";
import { isOpen, isPaid } from "../domain/payment.ts";
import { DISPUTE_LOST } from "../domain/snapshot.ts";
import type { DerivedState, StripeSnapshot } from "../domain/snapshot.ts";
import type { PaymentRow } from "../schema.ts";
import type { HistoryEntry } from "./list.ts";
import { LOST_DISPUTES } from "./refunds.ts";
import type { View } from "./views.ts";

/** Who changes a payment, and why: for its history and its events. */
export interface ChangeCause {
  /** A user's id, or the part of the system that acted. */
  readonly actor: string;
  /** The call, event or webhook. */
  readonly reason: string;
  /** Set by sweeps. A webhook should have reported a change that a sweep finds. */
  readonly expectsWebhook?: true;
  /** Why the payment is void, if this change voids it. */
  readonly voidReason?: string | undefined;
  readonly causationId?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** Sets the history to what it is with one more entry. */
function historyWith(version: number, status: PaymentState, { actor, reason }: ChangeCause, now: number): SQL {
  const entry: HistoryEntry = { version, status, at: now, actor, reason };
  return sql`history = json_insert(history, '$[#]', json(${JSON.stringify(entry)}))`;
}

/**
 * Writes the next state of a payment and its history. Aborts the batch when the payment has another version by now, or when its order
 * was closed since the view was read. Adopts the snapshot's intent if the row has none.
 */
export function stateUpdate(
  { row, closed }: View,
  next: DerivedState,
  { check, snapshot }: { readonly check: CheckPlan; readonly snapshot: StripeSnapshot | null },
  cause: ChangeCause,
  now: number,
): Statement[] {
  const version = row.version + 1;
  const isStillOpen = sql`NOT EXISTS (SELECT 1 FROM closed_orders WHERE order_id = ${row.orderId})`;
  // Set only when it is new: SQLite writes the index of a column that is set, even to the same value.
  const adopted =
    snapshot === null || row.stripePaymentIntentId !== null
      ? sql``
      : sql`, stripe_payment_intent_id = ${snapshot.intentId}, client_secret = ${snapshot.clientSecret}`;
  // Who paid is deleted once the payment is decided. Declines found later count for the order alone.
  const decided =
    isOpen(next.status) || (row.payer === null && row.stoppedBy === null)
      ? sql``
      : sql`, payer = NULL, network = NULL, stopped_by = ${isPaid(next.status) ? null : row.stoppedBy}`;
  return [
    sql`UPDATE payments SET status = ${next.status}, amount_capturable = ${next.amountCapturable},
        amount_captured = ${next.amountCaptured}, amount_refunded = ${next.amountRefunded}, reason = ${next.reason},
        version = ${version}, ${historyWith(version, next.status, cause, now)}, attempts = ${check.attempts}, next_check_at = ${check.nextCheckAt}, updated_at = ${now},
        capture_until = ${next.status === "AUTHORIZED" ? (snapshot?.captureUntil ?? null) : null}${adopted}${decided}
      WHERE id = ${row.id} AND version = ${row.version} AND ${closed === null ? isStillOpen : sql`true`}`,
    mustChange(),
  ];
}

/** Flags a payment whose intent holds other money than was requested. It is checked rarely from now on. */
export function mismatchUpdate(row: PaymentRow, cause: ChangeCause, now: number): Statement[] {
  return [
    sql`UPDATE payments SET flag = 'amount_mismatch', version = version + 1,
        ${historyWith(row.version + 1, row.status, cause, now)}, attempts = ${SLOW_CHECK_ATTEMPTS},
        next_check_at = ${now + MAX_CHECK_MS}, updated_at = ${now}
      WHERE id = ${row.id} AND version = ${row.version}`,
    mustChange(),
  ];
}

/** Steps the version of a payment whose refunds or disputes alone change, or aborts the batch when it has another version by now. */
export function versionStep({ id, version }: PaymentRow): Statement[] {
  return [sql`UPDATE payments SET version = version + 1 WHERE id = ${id} AND version = ${version}`, mustChange()];
}

export function captureUntilUpdate(paymentId: string, captureUntil: number): SQL {
  return sql`UPDATE payments SET capture_until = ${captureUntil} WHERE id = ${paymentId} AND status = 'AUTHORIZED'`;
}

/** Flags an authorization as about to expire. Aborts the batch when it is flagged already or not authorized any more. */
export function expiryFlagUpdate({ id }: Pick<PaymentRow, "id">, now: number): Statement[] {
  return [
    sql`UPDATE payments SET expiry_flagged_at = ${now}
      WHERE id = ${id} AND status = 'AUTHORIZED' AND expiry_flagged_at IS NULL`,
    mustChange(),
  ];
}

const PUBLISHED_EVENT = {
  envelope: sql<string>`envelope`,
  time: sql<number>`time`,
  isConfirmed: sql<number>`id NOT IN (SELECT id FROM unconfirmed_events)`,
};

/** The last event about a payment in the outbox. */
export function lastPaymentEvent({ id, orderId }: PaymentRow): Query<RowOf<typeof PUBLISHED_EVENT>> {
  return select(
    PUBLISHED_EVENT,
    sql`FROM outbox WHERE subject = ${orderId} AND envelope ->> '$.data.paymentId' = ${id} ORDER BY time DESC, id DESC LIMIT 1`,
  );
}

/** Has the sweep check payments soon, in case this process dies before it is done. `match` is a condition on payments. */
export function scheduleCheck(match: SQL, now: number): SQL {
  return sql`UPDATE payments SET attempts = 0, next_check_at = ${now + FIRST_CHECK_MS}
    WHERE ${match} AND status NOT IN ('VOIDED', 'REFUNDED')
      AND (status <> 'DISPUTED' OR (reason = ${DISPUTE_LOST} AND amount_captured - amount_refunded > ${LOST_DISPUTES}))`;
}
