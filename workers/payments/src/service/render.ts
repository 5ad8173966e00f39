// Rows as the contract shows them.
import { asc, eq, inArray } from "drizzle-orm";
import type { Payment, PaymentIntent, Refund } from "#shared/contracts/payments";
import { paymentHistory, payments, refunds } from "../schema.ts";
import type { PaymentRow, RefundRow } from "../schema.ts";
import type { PaymentsDeps } from "./deps.ts";

export function renderRefund(row: RefundRow): Refund {
  const { id, paymentId, amount, currency, status, reason, stripeRefundId } = row;
  return {
    id,
    paymentId,
    amount,
    currency,
    status,
    reason,
    stripeRefundId,
    createdAt: new Date(row.createdAt).toISOString(),
  };
}

/** Undefined until Stripe has answered. */
export function renderIntent(row: PaymentRow, publishableKey: string): PaymentIntent | undefined {
  const { id, orderId, amount, currency, status, stripePaymentIntentId, clientSecret } = row;
  if (stripePaymentIntentId === null || clientSecret === null) return undefined;
  return { id, orderId, amount, currency, status, stripePaymentIntentId, clientSecret, publishableKey };
}

type HistoryRow = typeof paymentHistory.$inferSelect;

function renderPayment(row: PaymentRow, refundRows: readonly RefundRow[], history: readonly HistoryRow[]): Payment {
  const { id, orderId, amount, amountCapturable, amountCaptured, amountRefunded, currency, status } = row;
  return {
    id,
    orderId,
    amount,
    amountCapturable,
    amountCaptured,
    amountRefunded,
    currency,
    status,
    stripePaymentIntentId: row.stripePaymentIntentId,
    refunds: refundRows.filter(({ paymentId }) => paymentId === id).map(renderRefund),
    history: history
      .filter(({ paymentId }) => paymentId === id)
      .map(({ status, at, actor, reason }) => ({ status, at: new Date(at).toISOString(), actor, reason })),
    createdAt: new Date(row.createdAt).toISOString(),
  };
}

/** Payments with their refunds and history, oldest first, in one round trip. */
export async function readPayments(
  deps: PaymentsDeps,
  by: { readonly orderId: string } | { readonly paymentId: string },
): Promise<Payment[]> {
  const { db } = deps;
  const match = "orderId" in by ? eq(payments.orderId, by.orderId) : eq(payments.id, by.paymentId);
  const ids = db.select({ id: payments.id }).from(payments).where(match);
  const [rows, refundRows, history] = await db.batch([
    db.select().from(payments).where(match).orderBy(asc(payments.createdAt), asc(payments.id)),
    db.select().from(refunds).where(inArray(refunds.paymentId, ids)).orderBy(asc(refunds.createdAt), asc(refunds.id)),
    db.select().from(paymentHistory).where(inArray(paymentHistory.paymentId, ids)).orderBy(asc(paymentHistory.version)),
  ]);
  return rows.map((row) => renderPayment(row, refundRows, history));
}
