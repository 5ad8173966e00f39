// The payments of the seeded orders, for the database of payments and for the Stripe sandbox.
import type { ImportedPayment } from "../../dev/stripe-sandbox/src/import.ts";
import type { SeedOrder } from "./orders.ts";
import type { SeedRow } from "./people.ts";
import { SEED_NOW } from "./random.ts";

interface SeedPayment {
  readonly id: string;
  readonly intentId: string;
  readonly clientSecret: string;
  readonly refundId: string;
  readonly stripeRefundId: string;
  readonly order: SeedOrder;
}

function paymentOf(order: SeedOrder): SeedPayment {
  const serial = order.id.slice("ord_seed".length);
  const intentId = `pi_3TradepostSeed${serial}`;
  return {
    id: `pay_seed${serial}`,
    intentId,
    clientSecret: `${intentId}_secret_${order.requestKey.slice(0, 24)}`,
    refundId: `rfd_seed${serial}`,
    stripeRefundId: `re_3TradepostSeed${serial}`,
    order,
  };
}

/** How often an authorized payment is checked at Stripe. */
const CHECK_MS = 6 * 60 * 60 * 1_000;

/** When its intent was made, in milliseconds since the epoch. */
function madeAt({ order }: SeedPayment): number {
  return order.story.paymentSteps[0]?.at ?? SEED_NOW;
}

/** When the payment came to this status, in milliseconds since the epoch; null when it never did. */
function reachedAt({ order }: SeedPayment, status: string): number | null {
  return order.story.paymentSteps.find(({ to }) => to === status)?.at ?? null;
}

function paymentRow(payment: SeedPayment): SeedRow {
  const { order } = payment;
  const { story, buyer, calculation } = order;
  const { total, currency } = calculation.quote;
  const captured = reachedAt(payment, "CAPTURED") === null ? 0 : total;
  return {
    id: payment.id,
    order_id: order.id,
    order_number: order.number,
    customer: JSON.stringify({ id: buyer.id, email: buyer.email, name: buyer.name, locale: "en" }),
    amount: total,
    amount_capturable: story.paymentStatus === "AUTHORIZED" ? total : 0,
    amount_captured: captured,
    amount_refunded: story.paymentStatus === "REFUNDED" ? total : 0,
    currency,
    status: story.paymentStatus,
    reason: story.cancelReason,
    flag: null,
    version: story.paymentSteps.length,
    stripe_payment_intent_id: payment.intentId,
    client_secret: payment.clientSecret,
    create_generation: 0,
    idempotency_key: null,
    fingerprint: null,
    correlation_id: order.correlationId,
    attempts: 0,
    next_check_at: story.paymentStatus === "AUTHORIZED" ? SEED_NOW + CHECK_MS : null,
    created_at: madeAt(payment),
    updated_at: story.paymentSteps.at(-1)?.at ?? SEED_NOW,
  };
}

function historyRows({ id, order }: SeedPayment): SeedRow[] {
  return order.story.paymentSteps.flatMap(({ at, to, actor, reason }, index) =>
    to === undefined ? [] : [{ payment_id: id, version: index + 1, status: to, at, actor, reason }],
  );
}

function refundRows(payment: SeedPayment): SeedRow[] {
  const at = reachedAt(payment, "REFUNDED");
  if (at === null) return [];
  return [
    {
      id: payment.refundId,
      payment_id: payment.id,
      amount: payment.order.calculation.quote.total,
      currency: payment.order.calculation.quote.currency,
      status: "succeeded",
      reason: payment.order.story.cancelReason,
      stripe_refund_id: payment.stripeRefundId,
      actor: "order_closed",
      idempotency_key: null,
      fingerprint: null,
      attempts: 0,
      next_attempt_at: null,
      created_at: at,
      updated_at: at,
    },
  ];
}

/** Rows of the database payment, each table after those it refers to. */
export function paymentTables(orders: readonly SeedOrder[]): Readonly<Record<string, readonly SeedRow[]>> {
  const payments = orders.map(paymentOf);
  return {
    payments: payments.map(paymentRow),
    payment_history: payments.flatMap(historyRows),
    refunds: payments.flatMap(refundRows),
    closed_orders: orders
      .filter(({ story }) => story.status === "CANCELLED")
      .map(({ id, story }) => ({
        order_id: id,
        reason: story.cancelReason,
        closed_at: story.stockChangedAt,
      })),
  };
}

/** The payments for the sandbox, so that they can be captured, refunded and read there. */
export function sandboxPayments(orders: readonly SeedOrder[]): readonly ImportedPayment[] {
  return orders.map(paymentOf).map((payment) => {
    const { order } = payment;
    const { total, currency } = order.calculation.quote;
    const refundedAt = reachedAt(payment, "REFUNDED");
    const canceledAt = reachedAt(payment, "VOIDED");
    return {
      id: payment.intentId,
      chargeId: reachedAt(payment, "AUTHORIZED") === null ? null : payment.intentId.replace("pi_", "ch_"),
      clientSecret: payment.clientSecret,
      amount: total,
      currency,
      status:
        canceledAt !== null ? "canceled" : reachedAt(payment, "CAPTURED") === null ? "requires_capture" : "succeeded",
      metadata: { paymentId: payment.id, orderId: order.id },
      refunds:
        refundedAt === null
          ? []
          : [
              {
                id: payment.stripeRefundId,
                amount: total,
                metadata: { refundId: payment.refundId, reason: order.story.cancelReason ?? "" },
                createdAt: refundedAt,
              },
            ],
      createdAt: madeAt(payment),
      canceledAt,
    };
  });
}
