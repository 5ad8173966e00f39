// The statements that a change of a payment writes in one batch: its row and history, its event, its refunds and disputes, and findings.
import { makeEvent } from "#shared/events/envelope";
import { Customer } from "#shared/events/catalogue";
import type { Statement } from "#shared/statement";
import { findingInsert, findingsMended } from "#shared/findings";
import { log } from "#shared/logger";
import { outboxInsert } from "#shared/outbox";
import { planCheck } from "../domain/checks.ts";
import { eventOf, voidReasonOf } from "../domain/payment.ts";
import { lostAmount } from "../domain/refunds.ts";
import type { DerivedState, SnapshotDispute, SnapshotRefund, StripeSnapshot } from "../domain/snapshot.ts";
import type { PaymentRow } from "../schema.ts";
import { mismatchUpdate, stateUpdate } from "../store/payments.ts";
import type { ChangeCause } from "../store/payments.ts";
import { disputeUpsert, refundUpsert } from "../store/refunds.ts";
import type { View } from "../store/views.ts";
import { disputeNotice, refundFinding } from "./notices.ts";

function eventInsert(row: PaymentRow, next: DerivedState, cause: ChangeCause, now: number): Statement[] {
  const type = eventOf(next.status);
  if (type === undefined) return [];
  const { id: paymentId, orderId, orderNumber, currency, amount, correlationId } = row;
  const customer = Customer.parse(JSON.parse(row.customer));
  const data = { paymentId, orderId, orderNumber, customer, currency, amount, ...next, version: row.version + 1 };
  const { causationId, traceparent } = cause;
  return [
    outboxInsert(makeEvent(type, orderId, data, { worker: "payments", correlationId, causationId, traceparent, now })),
  ];
}

/** A change that a sweep found and a webhook should have reported. Voids that we caused ourselves are excepted. */
function missedWebhook({ row, closed }: View, next: DerivedState, cause: ChangeCause, now: number): Statement[] {
  if (cause.expectsWebhook !== true || voidReasonOf(closed, row.stoppedBy) !== undefined) return [];
  const { id, orderId, status: from, stripePaymentIntentId } = row;
  const details = { orderId, stripePaymentIntentId, from, to: next.status };
  return [findingInsert(now, { kind: "webhook_missed", subject: id, outcome: "mended", details })];
}

/** A payment that a cap on declines ended and that is void now. */
function cardTesting({ id, orderId, stoppedBy }: PaymentRow, next: DerivedState, now: number): Statement[] {
  if (stoppedBy === null || next.status !== "VOIDED") return [];
  log("warn", "a payment was ended after too many declines", { paymentId: id, orderId, cap: stoppedBy });
  const details = { orderId, cap: stoppedBy };
  return [findingInsert(now, { kind: "card_testing", subject: id, outcome: "mended", details })];
}

/** Marks the findings that this change mends. */
function mended(row: PaymentRow, next: DerivedState, amountLeft: number, now: number): Statement[] {
  const isAllReturned = next.amountCaptured > 0 && amountLeft <= 0;
  const kinds = [
    ...(row.expiryFlaggedAt === null ? [] : ["authorization_expiring"]),
    ...(isAllReturned ? ["refund_failed", "refund_refused"] : []),
  ];
  return kinds.length === 0 ? [] : [findingsMended(now, kinds, [row.id])];
}

/**
 * Moves a payment to its next state. Aborts the batch when the payment changed or its order was closed since the view was read.
 * `snapshot` is null for a payment whose intent was never stored.
 */
export function stateChange(
  view: View,
  next: DerivedState,
  snapshot: StripeSnapshot | null,
  cause: ChangeCause,
  now: number,
): Statement[] {
  const { row, closed } = view;
  const amountLeft = next.amountCaptured - next.amountRefunded - lostAmount(snapshot?.disputes ?? []);
  const check = planCheck(next, { isClosed: closed !== null, amountLeft, now });
  return [
    ...stateUpdate(view, next, { check, snapshot }, cause, now),
    ...eventInsert(row, next, cause, now),
    ...mended(row, next, amountLeft, now),
    ...missedWebhook(view, next, cause, now),
    ...cardTesting(row, next, now),
  ];
}

/** Voids a payment whose intent was never stored. A concurrent creation finds it void and cancels the intent that it made. */
export function voidWithoutIntent(view: View, cause: ChangeCause, now: number): Statement[] {
  const amounts = { amountCapturable: 0, amountCaptured: 0, amountRefunded: 0 };
  return stateChange(view, { status: "VOIDED", ...amounts, reason: cause.voidReason ?? null }, null, cause, now);
}

/** Flags a payment whose intent holds other money than was requested. It is never confirmed. */
export function mismatchChange({ row }: View, snapshot: StripeSnapshot, cause: ChangeCause, now: number): Statement[] {
  const atStripe = `${String(snapshot.amount)} ${snapshot.currency}`;
  const reason = `${cause.reason}: amount mismatch, Stripe has ${atStripe}`;
  const details = { orderId: row.orderId, asked: `${String(row.amount)} ${row.currency}`, atStripe };
  return [
    ...mismatchUpdate(row, { ...cause, reason }, now),
    findingInsert(now, { kind: "amount_mismatch", subject: row.id, outcome: "open", details }),
  ];
}

function disputeChanges({ row, disputes }: View, dispute: SnapshotDispute, now: number): Statement[] {
  const recorded = disputes.find(({ id }) => id === dispute.id);
  if (recorded === undefined) return [disputeNotice(row, dispute, now), disputeUpsert(row, dispute, now)];
  const members = ["status", "amount", "amountWithdrawn", "evidenceDueAt"] as const;
  const hasChanged = members.some((member) => recorded[member] !== dispute[member]);
  return hasChanged ? [disputeUpsert(row, dispute, now)] : [];
}

/** A refund made in Stripe's dashboard has no row of ours; its row's id follows from Stripe's. */
function rowIdOf({ refundId, stripeRefundId }: SnapshotRefund): string {
  return refundId ?? `rfd_${stripeRefundId.replaceAll(/[^0-9A-Za-z]/g, "").slice(0, 40)}`;
}

function refundChanges({ row, refunds }: View, refund: SnapshotRefund, now: number): Statement[] {
  const id = rowIdOf(refund);
  const recorded = refunds.find((own) => own.id === id);
  if (recorded?.status === refund.status && recorded.stripeRefundId === refund.stripeRefundId) return [];
  return [
    refundUpsert(id, row, refund, now),
    ...(refund.status === "failed" ? [refundFinding("refund_failed", row, refund.amount, now)] : []),
  ];
}

/** Brings the rows of refunds and disputes to what Stripe holds. The batch has to check the payment's version. */
export function partChanges(view: View, { disputes, refunds }: StripeSnapshot, now: number): Statement[] {
  return [
    ...(disputes ?? []).flatMap((dispute) => disputeChanges(view, dispute, now)),
    ...(refunds ?? []).flatMap((refund) => refundChanges(view, refund, now)),
  ];
}
