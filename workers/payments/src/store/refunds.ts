// Writes of refunds. A row stands before Stripe is asked, and its id is Stripe's idempotency key.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { findingInsert } from "#shared/findings";
import { REFUND_RETRY_MS } from "../constants.ts";
import { DISPUTE_LOST } from "../domain/payment.ts";
import type { SnapshotRefund } from "../domain/payment.ts";
import type { RefundRow } from "../schema.ts";
import { LOST_DISPUTES } from "./disputes.ts";
import type { View } from "./views.ts";

export interface NewRefund {
  readonly id: string;
  readonly paymentId: string;
  /** Null for all that is left. */
  readonly amount: number | null;
  readonly reason: string | null;
  readonly actor: string;
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined;
}

/**
 * Takes the amount out of what may still be refunded, or writes nothing. What is pending and what a dispute took for good count as
 * gone; the sum and the insert are one statement, so two refunds at once never exceed what was captured.
 */
export function refundInsert(refund: NewRefund, now: number): SQL {
  const { id, paymentId, amount, reason, actor, idempotency } = refund;
  const taken = sql`coalesce((SELECT sum(amount) FROM refunds WHERE payment_id = ${paymentId}
    AND status IN ('pending', 'succeeded')), 0)`;
  return sql`INSERT INTO refunds (id, payment_id, amount, currency, status, reason, actor, idempotency_key, fingerprint,
      next_attempt_at, created_at, updated_at)
    SELECT ${id}, id, coalesce(${amount}, amount_left), currency, 'pending', ${reason}, ${actor}, ${idempotency?.key ?? null},
      ${idempotency?.fingerprint ?? null}, ${now + REFUND_RETRY_MS}, ${now}, ${now}
    FROM (SELECT id, currency, amount_captured - ${taken} - ${LOST_DISPUTES} AS amount_left FROM payments
      WHERE id = ${paymentId}
        AND (status IN ('CAPTURED', 'PARTIALLY_REFUNDED') OR (status = 'DISPUTED' AND reason = ${DISPUTE_LOST})))
    WHERE coalesce(${amount}, amount_left) BETWEEN 1 AND amount_left
    ON CONFLICT DO NOTHING`;
}

/** A refund made in Stripe's dashboard has no row of ours; its id then follows from Stripe's. */
function rowIdOf(refund: SnapshotRefund): string {
  return refund.refundId ?? `rfd_${refund.stripeRefundId.replaceAll(/[^0-9A-Za-z]/g, "").slice(0, 40)}`;
}

function differs(row: RefundRow | undefined, snapshot: SnapshotRefund): boolean {
  return row === undefined || row.status !== snapshot.status || row.stripeRefundId !== snapshot.stripeRefundId;
}

function upsert(view: View, snapshot: SnapshotRefund, now: number): SQL {
  const nextAttemptAt = snapshot.status === "pending" ? now + REFUND_RETRY_MS : null;
  // A refund that succeeded can still fail at the customer's bank; it never becomes pending again.
  return sql`INSERT INTO refunds (id, payment_id, amount, currency, status, reason, stripe_refund_id, actor, next_attempt_at,
      created_at, updated_at)
    VALUES (${rowIdOf(snapshot)}, ${view.row.id}, ${snapshot.amount}, ${view.row.currency}, ${snapshot.status}, ${snapshot.reason},
      ${snapshot.stripeRefundId}, 'stripe', ${nextAttemptAt}, ${snapshot.createdAt}, ${now})
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, stripe_refund_id = excluded.stripe_refund_id,
      next_attempt_at = excluded.next_attempt_at, updated_at = excluded.updated_at
    WHERE refunds.payment_id = excluded.payment_id AND (refunds.status = 'pending' OR excluded.status <> 'pending')`;
}

/**
 * Brings the rows of a payment's refunds to what Stripe holds. One that the buyer's bank sent back is for somebody to look at. The
 * batch has to check the payment's version.
 */
export function refundUpserts(view: View, snapshots: readonly SnapshotRefund[], now: number): SQL[] {
  const rows = new Map(view.refunds.map((row) => [row.id, row]));
  return snapshots
    .filter((snapshot) => differs(rows.get(rowIdOf(snapshot)), snapshot))
    .flatMap((snapshot) => [
      upsert(view, snapshot, now),
      ...(snapshot.status === "failed" ? [refundFound("refund_failed", view.row, snapshot.amount, now)] : []),
    ]);
}

/** Money that was to go back and did not: sent back by the buyer's bank, or refused by Stripe. */
export function refundFound(
  kind: "refund_failed" | "refund_refused",
  row: View["row"],
  amount: number,
  now: number,
): SQL {
  const { id, orderId, currency } = row;
  return findingInsert(now, { kind, subject: id, outcome: "open", details: { orderId, amount, currency } });
}

/** Stripe refused for good. The row stays as the trace; its key is free again, because only successes are remembered. */
export function refundRefused(refundId: string, now: number): SQL {
  return sql`UPDATE refunds SET status = 'failed', idempotency_key = NULL, fingerprint = NULL, next_attempt_at = NULL,
      updated_at = ${now}
    WHERE id = ${refundId} AND status = 'pending' AND stripe_refund_id IS NULL`;
}
