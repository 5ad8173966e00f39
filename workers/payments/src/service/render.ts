// Rows as the contract shows them.
import { getTableColumns, sql } from "drizzle-orm";
import type { Column, SQL } from "drizzle-orm";
import type { Dispute, Payment, PaymentFlag, PaymentIntent, Refund } from "#shared/contracts/payments";
import { readAll, select } from "#shared/database";
import { disputes, paymentHistory, payments, refunds } from "../schema.ts";
import type { DisputeRow, PaymentRow, RefundRow } from "../schema.ts";
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

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function renderDispute(row: DisputeRow): Dispute {
  const { id, amount, currency, reason, status, amountWithdrawn, evidenceDueAt, createdAt } = row;
  return {
    id,
    amount,
    currency,
    reason,
    status,
    amountWithdrawn,
    evidenceDueBy: isoTime(evidenceDueAt),
    createdAt: new Date(createdAt).toISOString(),
  };
}

/** Why somebody has to look at a payment; as FLAGGED in store/list.ts. */
function flagsOf({ status, flag, expiryFlaggedAt }: PaymentRow): PaymentFlag[] {
  return [
    ...(status === "DISPUTED" ? (["disputed"] as const) : []),
    ...(flag === null ? [] : (["disagreeing"] as const)),
    ...(status === "AUTHORIZED" && expiryFlaggedAt !== null ? (["expiring"] as const) : []),
  ];
}

type HistoryRow = typeof paymentHistory.$inferSelect;

/** What belongs to the payments that are shown. */
interface Parts {
  readonly refunds: readonly RefundRow[];
  readonly disputes: readonly DisputeRow[];
  readonly history: readonly HistoryRow[];
}

function renderPayment(row: PaymentRow, parts: Parts): Payment {
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
    captureBefore: isoTime(row.captureUntil),
    stripePaymentIntentId: row.stripePaymentIntentId,
    refunds: own(parts.refunds).map(renderRefund),
    disputes: own(parts.disputes).map(renderDispute),
    history: own(parts.history).map((entry) => ({
      status: entry.status,
      at: new Date(entry.at).toISOString(),
      actor: entry.actor,
      reason: entry.reason,
    })),
    createdAt: new Date(row.createdAt).toISOString(),
  };
}

/** Payments (`match` is a condition on them) with their refunds, disputes and history, oldest first, in one round trip. */
export async function readPayments(deps: PaymentsDeps, match: SQL): Promise<Payment[]> {
  const ofPayment = (column: Column): SQL => sql`${column} IN (SELECT id FROM payments WHERE ${match})`;
  const found = await readAll(deps.db, {
    payments: select(getTableColumns(payments), sql`FROM payments WHERE ${match} ORDER BY created_at, id`),
    refunds: select(
      getTableColumns(refunds),
      sql`FROM refunds WHERE ${ofPayment(refunds.paymentId)} ORDER BY created_at, id`,
    ),
    disputes: select(
      getTableColumns(disputes),
      sql`FROM disputes WHERE ${ofPayment(disputes.paymentId)} ORDER BY created_at`,
    ),
    history: select(
      getTableColumns(paymentHistory),
      sql`FROM payment_history WHERE ${ofPayment(paymentHistory.paymentId)} ORDER BY version`,
    ),
  });
  return found.payments.map((row) => renderPayment(row, found));
}
