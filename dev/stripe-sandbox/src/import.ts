// Payments that were made before the sandbox was opened: those of the seeded orders.
import { findCard, methodId } from "./cards.ts";
import { newCharge } from "./charges.ts";
import { CAPTURE_WINDOW_SECONDS } from "./constants.ts";
import { blankIntent } from "./intents.ts";
import { newRefund } from "./refunds.ts";
import type { PaymentIntent } from "./session.ts";
import type { Store } from "./store.ts";

/** One paid intent. Times in milliseconds, amounts in minor units, currency in ISO 4217 upper case. */
export interface ImportedPayment {
  readonly id: string;
  readonly chargeId: string;
  readonly clientSecret: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: "requires_capture" | "succeeded" | "canceled";
  readonly metadata: Readonly<Record<string, string>>;
  readonly refunds: readonly {
    readonly id: string;
    readonly amount: number;
    readonly metadata: Readonly<Record<string, string>>;
    readonly createdAt: number;
  }[];
  readonly createdAt: number;
  readonly canceledAt: number | null;
}

const CARD = "pm_card_visa";

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

/** Writes the intent, its charge and its refunds, without events. False when the intent is there already. */
export function importPayment(store: Store, payment: ImportedPayment, now: number): boolean {
  const card = findCard(CARD);
  if (card === undefined || store.find("payment_intent", payment.id) !== undefined) return false;
  const { status, amount } = payment;
  const intent: PaymentIntent = {
    ...blankIntent(payment.id, amount, payment.currency.toLowerCase(), seconds(payment.createdAt)),
    client_secret: payment.clientSecret,
    capture_method: "manual",
    metadata: { ...payment.metadata },
    payment_method: methodId(CARD),
    latest_charge: payment.chargeId,
    status,
    amount_capturable: status === "requires_capture" ? amount : 0,
    amount_received: status === "succeeded" ? amount : 0,
    canceled_at: payment.canceledAt === null ? null : seconds(payment.canceledAt),
    cancellation_reason: status === "canceled" ? "requested_by_customer" : null,
  };
  const refunded = payment.refunds.reduce((sum, refund) => sum + refund.amount, 0);
  // Open authorizations count from the import: however old the seeds' dates are, they can still be captured.
  const captureBefore = status === "succeeded" ? undefined : seconds(now) + CAPTURE_WINDOW_SECONDS;
  const charge = {
    ...newCharge(intent, card, payment.chargeId, seconds(payment.createdAt), captureBefore),
    amount_refunded: status === "canceled" ? amount : refunded,
    refunded: status === "canceled" || refunded === amount,
  };
  store.insert("payment_intent", null, intent);
  store.insert("charge", payment.id, charge);
  for (const refund of payment.refunds) {
    const made = newRefund(charge, refund.id, refund.amount, seconds(refund.createdAt));
    store.insert("refund", payment.id, Object.assign(made, { metadata: { ...refund.metadata } }));
  }
  return true;
}
