// Writes of refunds and disputes. A refund's row is written before Stripe is called, and its id is Stripe's idempotency key.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Query } from "#shared/statement";
import { REFUND_RETRY_MS } from "../constants.ts";
import { DISPUTE_LOST } from "../domain/snapshot.ts";
import type { SnapshotDispute, SnapshotRefund } from "../domain/snapshot.ts";
import { refunds } from "../schema.ts";
import type { PaymentRow, RefundRow } from "../schema.ts";

/** The total of a payment's lost disputes, in a statement on payments: `lostAmount` of domain/refunds.ts in SQL. */
export const LOST_DISPUTES = sql`coalesce((SELECT sum(disputes.amount) FROM disputes
  WHERE disputes.payment_id = payments.id AND disputes.status = 'lost'), 0)`;

export interface NewRefund {
  readonly id: string;
  readonly paymentId: string;
  /** Null for all that is left. */
  readonly amount: number | null;
  readonly reason: string | null;
  readonly actor: string;
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined;
}

/** Writes a refund if it is within `refundable` of domain/refunds.ts. One statement, so concurrent refunds never exceed the captured. */
export function refundInsert(refund: NewRefund, now: number): SQL {
  const { id, paymentId, amount, reason, actor, idempotency } = refund;
  const spent = sql`coalesce((SELECT sum(amount) FROM refunds WHERE payment_id = ${paymentId}
    AND status IN ('pending', 'succeeded')), 0)`;
  return sql`INSERT INTO refunds (id, payment_id, amount, currency, status, reason, actor, idempotency_key, fingerprint,
      next_attempt_at, created_at, updated_at)
    SELECT ${id}, id, coalesce(${amount}, amount_left), currency, 'pending', ${reason}, ${actor}, ${idempotency?.key ?? null},
      ${idempotency?.fingerprint ?? null}, ${now + REFUND_RETRY_MS}, ${now}, ${now}
    FROM (SELECT id, currency, amount_captured - ${spent} - ${LOST_DISPUTES} AS amount_left FROM payments
      WHERE id = ${paymentId}
        AND (status IN ('CAPTURED', 'PARTIALLY_REFUNDED') OR (status = 'DISPUTED' AND reason = ${DISPUTE_LOST})))
    WHERE coalesce(${amount}, amount_left) BETWEEN 1 AND amount_left
    ON CONFLICT DO NOTHING`;
}

/** The refund with this id, or the one that its actor requested under the key before. */
export function refundSelect({ id, actor, idempotency }: NewRefund): Query<RefundRow> {
  return select(
    getTableColumns(refunds),
    sql`FROM refunds WHERE id = ${id} OR (actor = ${actor} AND idempotency_key = ${idempotency?.key ?? null})`,
  );
}

/** Brings a refund's row to what Stripe holds. A refund that succeeded may fail later, but never becomes pending again. */
export function refundUpsert(id: string, payment: PaymentRow, refund: SnapshotRefund, now: number): SQL {
  const nextAttemptAt = refund.status === "pending" ? now + REFUND_RETRY_MS : null;
  return sql`INSERT INTO refunds (id, payment_id, amount, currency, status, reason, stripe_refund_id, actor, next_attempt_at,
      created_at, updated_at)
    VALUES (${id}, ${payment.id}, ${refund.amount}, ${payment.currency}, ${refund.status}, ${refund.reason},
      ${refund.stripeRefundId}, 'stripe', ${nextAttemptAt}, ${refund.createdAt}, ${now})
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, stripe_refund_id = excluded.stripe_refund_id,
      next_attempt_at = excluded.next_attempt_at, updated_at = excluded.updated_at
    WHERE refunds.payment_id = excluded.payment_id AND (refunds.status = 'pending' OR excluded.status <> 'pending')`;
}

/** Stripe refused for good. The row remains as a record. Its key is free again, because only successes are replayed. */
export function refundRefused(refundId: string, now: number): SQL {
  return sql`UPDATE refunds SET status = 'failed', idempotency_key = NULL, fingerprint = NULL, next_attempt_at = NULL,
      updated_at = ${now}
    WHERE id = ${refundId} AND status = 'pending' AND stripe_refund_id IS NULL`;
}

export function disputeUpsert({ id: paymentId, currency }: PaymentRow, dispute: SnapshotDispute, now: number): SQL {
  const { id, amount, reason, status, amountWithdrawn, evidenceDueAt, createdAt } = dispute;
  return sql`INSERT INTO disputes (id, payment_id, amount, currency, reason, status, amount_withdrawn, evidence_due_at, created_at,
      updated_at)
    VALUES (${id}, ${paymentId}, ${amount}, ${currency}, ${reason}, ${status}, ${amountWithdrawn}, ${evidenceDueAt}, ${createdAt},
      ${now})
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, reason = excluded.reason, status = excluded.status,
      amount_withdrawn = excluded.amount_withdrawn, evidence_due_at = excluded.evidence_due_at, updated_at = excluded.updated_at`;
}
