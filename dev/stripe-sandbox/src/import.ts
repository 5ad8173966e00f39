// Imports the payments of the seeded orders, which were made before the sandbox existed.
import { findCard, methodId } from "./cards.ts";
import { newCharge } from "./charges.ts";
import { CAPTURE_WINDOW_SECONDS } from "./constants.ts";
import { blankIntent } from "./intents.ts";
import { newRefund } from "./refunds.ts";
import type { Charge, PaymentIntent } from "./session.ts";
import type { Store } from "./store.ts";

/** One paid intent. Times in milliseconds, amounts in minor units, currency in ISO 4217 upper case. */
export interface ImportedPayment {
  readonly id: string;
  /** Null for an intent that was cancelled unpaid. */
  readonly chargeId: string | null;
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

/** Writes the intent, its charge and its refunds, without events. Returns false when the intent exists already. */
export function importPayment(store: Store, payment: ImportedPayment, now: number): boolean {
  const card = findCard(CARD);
  if (card === undefined || store.find("payment_intent", payment.id) !== undefined) return false;
  const { status, amount } = payment;
  const intent: PaymentIntent = {
    ...blankIntent(payment.id, amount, payment.currency.toLowerCase(), seconds(payment.createdAt)),
    client_secret: payment.clientSecret,
    capture_method: "manual",
    metadata: { ...payment.metadata },
    payment_method: payment.chargeId === null ? null : methodId(CARD),
    latest_charge: payment.chargeId,
    status,
    amount_capturable: status === "requires_capture" ? amount : 0,
    amount_received: status === "succeeded" ? amount : 0,
    canceled_at: payment.canceledAt === null ? null : seconds(payment.canceledAt),
    cancellation_reason: status === "canceled" ? "requested_by_customer" : null,
  };
  // The capture window starts at the import, so that authorizations can be captured however old the seeds' dates are.
  const captureBefore = status === "succeeded" ? undefined : seconds(now) + CAPTURE_WINDOW_SECONDS;
  store.insert("payment_intent", null, intent);
  if (payment.chargeId !== null)
    importCharge(store, payment, newCharge(intent, card, payment.chargeId, intent.created, { captureBefore }));
  return true;
}

function importCharge(store: Store, { id, amount, refunds }: ImportedPayment, authorized: Charge): void {
  const refunded = refunds.reduce((sum, refund) => sum + refund.amount, 0);
  const charge = { ...authorized, amount_refunded: refunded, refunded: refunded === amount };
  store.insert("charge", id, charge);
  for (const refund of refunds) {
    const made = newRefund(charge, refund.id, refund.amount, seconds(refund.createdAt));
    store.insert("refund", id, Object.assign(made, { metadata: { ...refund.metadata } }));
  }
}
