// Renders rows in the form of the contract.
import type { SQL } from "drizzle-orm";
import type { Dispute, Payment, PaymentFlag, PaymentIntent, Refund } from "#shared/contracts/payments";
import type { DisputeRow, PaymentRow, RefundRow } from "../schema.ts";
import { historyOf, readPaymentsWithParts } from "../store/list.ts";
import type { PaymentsWithParts } from "../store/list.ts";
import { byId } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

export function renderRefund(row: RefundRow): Refund {
  const { id, paymentId, amount, currency, status, reason, stripeRefundId, createdAt } = row;
  return { id, paymentId, amount, currency, status, reason, stripeRefundId, createdAt: isoTime(createdAt) };
}

/** Undefined until Stripe has answered. */
export function renderIntent(row: PaymentRow, publishableKey: string): PaymentIntent | undefined {
  const { id, orderId, amount, currency, status, stripePaymentIntentId, clientSecret } = row;
  if (stripePaymentIntentId === null || clientSecret === null) return undefined;
  return { id, orderId, amount, currency, status, stripePaymentIntentId, clientSecret, publishableKey };
}

function renderDispute(row: DisputeRow): Dispute {
  const { id, amount, currency, reason, status, amountWithdrawn, evidenceDueAt, createdAt } = row;
  const evidenceDueBy = evidenceDueAt === null ? null : isoTime(evidenceDueAt);
  return { id, amount, currency, reason, status, amountWithdrawn, evidenceDueBy, createdAt: isoTime(createdAt) };
}

/** Why somebody has to look at a payment: the condition of payments_flagged in store/list.ts as names. */
function flagsOf({ status, flag, expiryFlaggedAt }: PaymentRow): PaymentFlag[] {
  return [
    ...(status === "DISPUTED" ? (["disputed"] as const) : []),
    ...(flag === null ? [] : (["disagreeing"] as const)),
    ...(status === "AUTHORIZED" && expiryFlaggedAt !== null ? (["expiring"] as const) : []),
  ];
}

function renderPayment(row: PaymentRow, { refunds, disputes, earlierHistory }: PaymentsWithParts): Payment {
  const { id, orderId, amount, amountCapturable, amountCaptured, amountRefunded, currency, status } = row;
  const own = <T extends { readonly paymentId: string }>(rows: readonly T[]): T[] =>
    rows.filter(({ paymentId }) => paymentId === id);
  return {
    id,
    orderId,
    amount,
    amountCapturable,
    amountCaptured,
    amountRefunded,
    amountReleased: amountCaptured === 0 ? 0 : amount - amountCaptured,
    currency,
    status,
    version: row.version,
    flags: flagsOf(row),
    captureBefore: row.captureUntil === null ? null : isoTime(row.captureUntil),
    stripePaymentIntentId: row.stripePaymentIntentId,
    refunds: own(refunds).map(renderRefund),
    disputes: own(disputes).map(renderDispute),
    history: historyOf(row, own(earlierHistory)).map(({ status: changed, at, actor, reason }) => ({
      status: changed,
      at: isoTime(at),
      actor,
      reason,
    })),
    createdAt: isoTime(row.createdAt),
  };
}

/** Payments, oldest first. `match` is a condition on them. */
export async function readPayments({ db }: PaymentsDeps, match: SQL): Promise<Payment[]> {
  const found = await readPaymentsWithParts(db, match);
  return found.payments.map((row) => renderPayment(row, found));
}

/** @throws when there is no such payment; payments are never deleted. */
export async function readPayment(deps: PaymentsDeps, paymentId: string): Promise<Payment> {
  const [payment] = await readPayments(deps, byId(paymentId));
  if (payment === undefined) throw new Error(`payment ${paymentId} does not exist`);
  return payment;
}
