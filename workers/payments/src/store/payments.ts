// Writes of payments. Each stands in one batch with its history row and its event, behind a check of the version.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { mustChange } from "#shared/database";
import type { Statement } from "#shared/database";
import { makeEvent } from "#shared/events/envelope";
import { findingInsert } from "#shared/findings";
import { outboxInsert } from "#shared/outbox";
import {
  AUTHORIZED_ATTEMPTS,
  AUTHORIZED_CHECK_MS,
  DISPUTED_CHECK_MS,
  FIRST_CHECK_MS,
  MAX_CHECK_MS,
} from "../constants.ts";
import { DISPUTE_LOST, eventOf, isOpen, isPaid, isUnderDispute, lostAmount } from "../domain/payment.ts";
import type { DerivedState, StripeSnapshot } from "../domain/payment.ts";
import type { PaymentRow } from "../schema.ts";
import type { UnprovenPayer } from "./declines.ts";
import { LOST_DISPUTES } from "./disputes.ts";
import { hasFound } from "./intent-keys.ts";
import type { View } from "./views.ts";

/** Who changes a payment, and why: for its history and its events. */
export interface Change {
  /** A user's id, or the part of the system that acted. */
  readonly actor: string;
  /** The call, event or webhook. */
  readonly reason: string;
  /** Set by a sweep: a webhook should have told of what it finds. */
  readonly missedWebhook?: true;
  /** Why the payment is void, where this change voids it. */
  readonly voidReason?: string | undefined;
  readonly causationId?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** When Stripe is asked about a payment again, if nothing is heard; null when nothing is open. `left`: captured and not gone. */
function nextCheckAt(position: DerivedState, left: number, closed: boolean, now: number): number | null {
  const { status } = position;
  if (isOpen(status)) return now + FIRST_CHECK_MS;
  if (isUnderDispute(position)) return now + DISPUTED_CHECK_MS;
  if (status === "AUTHORIZED") return now + (closed ? FIRST_CHECK_MS : AUTHORIZED_CHECK_MS);
  // A closed order's money has to go back, whatever happens to the process that is about to do it.
  return closed && left > 0 ? now + FIRST_CHECK_MS : null;
}

function historyInsert(row: Pick<PaymentRow, "id">, version: number, status: string, change: Change, now: number): SQL {
  return sql`INSERT INTO payment_history (payment_id, version, status, at, actor, reason)
    VALUES (${row.id}, ${version}, ${status}, ${now}, ${change.actor}, ${change.reason})`;
}

function eventInsert(row: PaymentRow, next: DerivedState, version: number, change: Change, now: number): SQL[] {
  const type = eventOf(next.status);
  if (type === undefined) return [];
  const data = {
    paymentId: row.id,
    orderId: row.orderId,
    orderNumber: row.orderNumber,
    customer: row.customer,
    currency: row.currency,
    amount: row.amount,
    ...next,
    version,
  };
  const cause = {
    worker: "payments",
    correlationId: row.correlationId,
    causationId: change.causationId,
    traceparent: change.traceparent,
    now,
  };
  return [outboxInsert(makeEvent(type, row.orderId, data, cause))];
}

/**
 * Moves a payment to its next position, or aborts the batch when its version has passed, or when its order was closed since the view
 * was read: what then comes to pass is another matter. Takes over the intent's id where the row has none.
 */
export function stateUpdate(
  view: View,
  next: DerivedState,
  snapshot: StripeSnapshot | null,
  change: Change,
  now: number,
): Statement[] {
  const { row, closed } = view;
  const version = row.version + 1;
  const left = next.amountCaptured - next.amountRefunded - lostAmount(snapshot?.disputes ?? []);
  const slow = next.status === "AUTHORIZED" || isUnderDispute(next);
  const stillOpen = sql`NOT EXISTS (SELECT 1 FROM closed_orders WHERE order_id = ${row.orderId})`;
  // Named only where it is new: an index on a column is written whenever the column is, also with what it had.
  const adopted =
    snapshot === null || row.stripePaymentIntentId !== null
      ? sql``
      : sql`, stripe_payment_intent_id = ${snapshot.intentId}, client_secret = ${snapshot.clientSecret}`;
  // Declines that are found later count for the order alone: who paid is kept no longer than it is needed.
  const decided =
    isOpen(next.status) || (row.payer === null && row.stoppedBy === null)
      ? sql``
      : sql`, payer = NULL, network = NULL, stopped_by = ${isPaid(next.status) ? null : row.stoppedBy}`;
  return [
    sql`UPDATE payments SET status = ${next.status}, amount_capturable = ${next.amountCapturable},
        amount_captured = ${next.amountCaptured}, amount_refunded = ${next.amountRefunded}, reason = ${next.reason},
        version = ${version}, attempts = ${slow ? AUTHORIZED_ATTEMPTS : 0},
        next_check_at = ${nextCheckAt(next, left, closed !== null, now)}, updated_at = ${now},
        capture_until = ${next.status === "AUTHORIZED" ? (snapshot?.captureUntil ?? null) : null}${adopted}${decided}
      WHERE id = ${row.id} AND version = ${row.version} AND ${closed === null ? stillOpen : sql`true`}`,
    mustChange(),
    historyInsert(row, version, next.status, change, now),
    ...eventInsert(row, next, version, change, now),
    ...mendedFindings(row, next, left, now),
  ];
}

/** What was found on the payment and is over with this change. Statements only where there can be a finding. */
function mendedFindings(row: PaymentRow, next: DerivedState, left: number, now: number): SQL[] {
  const over = (kind: SQL): SQL =>
    sql`UPDATE findings SET outcome = 'mended', last_found_at = ${now} WHERE ${kind} AND subject = ${row.id} AND outcome = 'open'`;
  return [
    ...(row.expiryFlaggedAt === null ? [] : [over(sql`kind = 'authorization_expiring'`)]),
    ...(next.amountCaptured > 0 && left <= 0 ? [over(sql`kind IN ('refund_failed', 'refund_refused')`)] : []),
  ];
}

/** Voids a payment whose intent was never stored. A creation under way finds it void when it stores its intent, and cancels that. */
export function voidWithoutIntent(view: View, change: Change, now: number): Statement[] {
  const next: DerivedState = {
    status: "VOIDED",
    amountCapturable: 0,
    amountCaptured: 0,
    amountRefunded: 0,
    reason: change.voidReason ?? null,
  };
  return stateUpdate(view, next, null, change, now);
}

/** Marks a payment whose intent holds other money than was asked for; it is never confirmed, and asked about rarely. */
export function flagMismatch(view: View, snapshot: StripeSnapshot, change: Change, now: number): Statement[] {
  const { row } = view;
  const reason = `${change.reason}: amount mismatch, Stripe has ${String(snapshot.amount)} ${snapshot.currency}`;
  return [
    sql`UPDATE payments SET flag = 'amount_mismatch', version = version + 1, attempts = ${AUTHORIZED_ATTEMPTS},
        next_check_at = ${now + MAX_CHECK_MS}, updated_at = ${now}
      WHERE id = ${row.id} AND version = ${row.version}`,
    mustChange(),
    historyInsert(row, row.version + 1, row.status, { ...change, reason }, now),
    findingInsert(now, {
      kind: "amount_mismatch",
      subject: row.id,
      outcome: "open",
      details: {
        orderId: row.orderId,
        asked: `${String(row.amount)} ${row.currency}`,
        atStripe: `${String(snapshot.amount)} ${snapshot.currency}`,
      },
    }),
  ];
}

/** Stores the intent that Stripe made for a row; nothing happens when one is stored already. */
export function adoptIntent(paymentId: string, intentId: string, clientSecret: string, now: number): SQL {
  return sql`UPDATE payments SET stripe_payment_intent_id = ${intentId}, client_secret = ${clientSecret},
      version = version + 1, updated_at = ${now}
    WHERE id = ${paymentId} AND stripe_payment_intent_id IS NULL`;
}

/** Lets the next creation use a new key: Stripe repeats a 5xx under the old one. Nobody was given the secret of an intent it may have made. */
export function renewCreation(row: PaymentRow): SQL {
  return sql`UPDATE payments SET create_generation = create_generation + 1
    WHERE id = ${row.id} AND create_generation = ${row.createGeneration} AND stripe_payment_intent_id IS NULL`;
}

export interface NewPayment {
  readonly id: string;
  readonly orderId: string;
  readonly orderNumber: string;
  readonly customer: PaymentRow["customer"];
  readonly amount: number;
  readonly currency: string;
  readonly correlationId: string;
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined;
  readonly unproven?: UnprovenPayer | undefined;
  /** False when the order takes no payment any more. */
  readonly mayBegin: boolean;
}

/**
 * Writes the payment of an order that is open and has none, and its first history row. Writes nothing otherwise, for a used key, and
 * when a cap on declined cards is reached or has ended the order's payment. `retryAt` is `retryAtSelect` of the same payer.
 */
export function paymentInsert(payment: NewPayment, retryAt: SQL, actor: string, now: number): [SQL, SQL] {
  const { id, orderId, orderNumber, customer, amount, currency, correlationId, idempotency, unproven } = payment;
  return [
    sql`INSERT INTO payments (id, order_id, order_number, customer, amount, currency, status, idempotency_key, fingerprint,
        correlation_id, payer, network, next_check_at, created_at, updated_at)
      SELECT ${id}, ${orderId}, ${orderNumber}, ${JSON.stringify(customer)}, ${amount}, ${currency}, 'CREATED',
        ${idempotency?.key ?? null}, ${idempotency?.fingerprint ?? null}, ${correlationId}, ${unproven?.payer ?? null},
        ${unproven?.network ?? null}, ${now + FIRST_CHECK_MS}, ${now}, ${now}
      WHERE ${payment.mayBegin ? sql`true` : sql`false`}
        AND NOT EXISTS (SELECT 1 FROM closed_orders WHERE order_id = ${orderId})
        AND NOT EXISTS (SELECT 1 FROM payments WHERE order_id = ${orderId} AND stopped_by IS NOT NULL)
        AND (${retryAt}) IS NULL
        AND NOT ${idempotency === undefined ? sql`false` : hasFound(idempotency.key)}
      ON CONFLICT DO NOTHING`,
    sql`INSERT INTO payment_history (payment_id, version, status, at, actor, reason)
      SELECT ${id}, 1, 'CREATED', ${now}, ${actor}, 'intent' WHERE changes() > 0`,
  ];
}

/** Closes an order for good. With `unlessOpen` only when no payment of it is open or paid. */
export function closeOrder(orderId: string, reason: string, now: number, unlessOpen: boolean): SQL {
  const condition = unlessOpen
    ? sql`NOT EXISTS (SELECT 1 FROM payments WHERE order_id = ${orderId} AND status NOT IN ('VOIDED', 'REFUNDED'))`
    : sql`true`;
  return sql`INSERT INTO closed_orders (order_id, reason, closed_at) SELECT ${orderId}, ${reason}, ${now} WHERE ${condition}
    ON CONFLICT DO NOTHING`;
}

/** Has the sweep look at payments soon: armed before the work, so that a crash in it is made good. `match` is a condition on payments. */
export function scheduleCheck(match: SQL, now: number): SQL {
  return sql`UPDATE payments SET attempts = 0, next_check_at = ${now + FIRST_CHECK_MS}
    WHERE ${match} AND status NOT IN ('VOIDED', 'REFUNDED')
      AND (status <> 'DISPUTED' OR (reason = ${DISPUTE_LOST} AND amount_captured - amount_refunded > ${LOST_DISPUTES}))`;
}

/** Aborts the batch when the payment's version has passed, and moves it on: for changes of its refunds and disputes alone. */
export function versionStep({ id, version }: PaymentRow): Statement[] {
  return [sql`UPDATE payments SET version = version + 1 WHERE id = ${id} AND version = ${version}`, mustChange()];
}
