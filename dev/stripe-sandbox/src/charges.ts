// What happens when a card is charged: authorized, captured at once, or declined.
import { CAPTURE_WINDOW_SECONDS } from "./constants.ts";
import { NO_BILLING, cardDetails, paymentMethod } from "./cards.ts";
import type { Decline, TestCard } from "./cards.ts";
import { stripeId } from "./ids.ts";
import { emit } from "./session.ts";
import type { Answer, Charge, PaymentIntent, Session } from "./session.ts";

/** A charge of the whole intent. `captureBefore` (seconds) when the money is only authorized. */
export function newCharge(
  intent: PaymentIntent,
  card: TestCard,
  id: string,
  created: number,
  captureBefore: number | undefined,
): Charge {
  const { decline } = card;
  const captured = decline === undefined && captureBefore === undefined;
  return {
    id,
    object: "charge",
    amount: intent.amount,
    amount_captured: captured ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: NO_BILLING,
    calculated_statement_descriptor: "TRADEPOST",
    captured,
    created,
    currency: intent.currency,
    customer: null,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: decline === undefined ? "approved_by_network" : "declined_by_network",
      reason: decline?.declineCode ?? null,
      risk_level: "normal",
      seller_message:
        decline === undefined ? "Payment complete." : "The bank did not return any further details with this decline.",
      type: decline === undefined ? "authorized" : "issuer_declined",
    },
    paid: decline === undefined,
    payment_intent: intent.id,
    payment_method: typeof intent.payment_method === "string" ? intent.payment_method : null,
    payment_method_details: cardDetails(card, intent.amount, captureBefore),
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: decline === undefined ? "succeeded" : "failed",
    transfer_data: null,
    transfer_group: intent.transfer_group,
  };
}

/** The card is good: the money is authorized, or taken where capture is automatic. */
export function charge(session: Session, intent: PaymentIntent, card: TestCard, method: string): Answer {
  const manual = intent.capture_method === "manual";
  const chargeId = stripeId("ch");
  const paid: PaymentIntent = {
    ...intent,
    payment_method: method,
    latest_charge: chargeId,
    status: manual ? "requires_capture" : "succeeded",
    amount_capturable: manual ? intent.amount : 0,
    amount_received: manual ? 0 : intent.amount,
  };
  const captureBefore = manual ? session.now + CAPTURE_WINDOW_SECONDS : undefined;
  const made = newCharge(paid, card, chargeId, session.now, captureBefore);
  session.store.insert("charge", intent.id, made);
  session.store.update(paid);
  emit(session, manual ? "payment_intent.amount_capturable_updated" : "payment_intent.succeeded", paid);
  return { status: 200, body: paid };
}

/** The card is declined: the intent can be paid with another one, and a failed charge stays as the trace. */
export function declined(session: Session, intent: PaymentIntent, card: TestCard, method: string): Answer {
  const failed = newCharge({ ...intent, payment_method: method }, card, stripeId("ch"), session.now, undefined);
  const error = {
    charge: failed.id,
    ...declineFields(card.decline),
    payment_method: paymentMethod(method, card, session.now),
    type: "card_error" as const,
  };
  const unpaid: PaymentIntent = {
    ...intent,
    payment_method: null,
    latest_charge: failed.id,
    last_payment_error: error,
    status: "requires_payment_method",
  };
  session.store.insert("charge", intent.id, failed);
  session.store.update(unpaid);
  emit(session, "payment_intent.payment_failed", unpaid);
  return { status: 402, body: { error: { ...error, payment_intent: unpaid } } };
}

function declineFields(decline: Decline | undefined): {
  code: string;
  decline_code: string;
  doc_url: string;
  message: string;
} {
  const { code, declineCode, message } = decline ?? {
    code: "card_declined",
    declineCode: "generic_decline",
    message: "Your card was declined.",
  };
  return {
    code,
    decline_code: declineCode,
    doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}`,
    message,
  };
}
