// Charging a card: authorized, captured immediately, or declined.
import { CAPTURE_WINDOW_SECONDS } from "./constants.ts";
import { NO_BILLING, cardDetails, findCard, paymentMethod } from "./cards.ts";
import type { Charging, ThreeDSecure } from "./cards.ts";
import type { Decline } from "./declines.ts";
import { openDispute } from "./disputes.ts";
import { stripeId } from "./ids.ts";
import { emit } from "./session.ts";
import type { Answer, Charge, PaymentIntent, Session } from "./session.ts";
import type { TestCard } from "./test-cards.ts";

/** The charge's `outcome`, as Radar and the card network report it. */
function outcomeOf(card: TestCard, decline: Decline | undefined): Charge["outcome"] {
  const riskLevel = card.riskLevel ?? "normal";
  const advice = { advice_code: decline?.adviceCode ?? null, network_advice_code: null, network_decline_code: null };
  if (decline === undefined) {
    return {
      ...advice,
      network_status: "approved_by_network",
      reason: riskLevel === "elevated" ? "elevated_risk_level" : null,
      risk_level: riskLevel,
      seller_message: "Payment complete.",
      type: "authorized",
    };
  }
  const isBlocked = decline.blocked === true;
  return {
    ...advice,
    network_status: isBlocked ? "not_sent_to_network" : "declined_by_network",
    reason: isBlocked ? "highest_risk_level" : decline.declineCode,
    risk_level: riskLevel,
    seller_message: isBlocked
      ? "Stripe blocked this payment as too risky."
      : "The bank did not return any further details with this decline.",
    type: isBlocked ? "blocked" : "issuer_declined",
  };
}

/** A charge of the whole intent. */
export function newCharge(
  intent: PaymentIntent,
  card: TestCard,
  id: string,
  created: number,
  charging: Charging,
): Charge {
  const { decline, captureBefore } = charging;
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
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: decline?.blocked === true ? { stripe_report: "fraudulent" } : {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: outcomeOf(card, decline),
    paid: decline === undefined,
    payment_intent: intent.id,
    payment_method: typeof intent.payment_method === "string" ? intent.payment_method : null,
    payment_method_details: cardDetails(card, intent.amount, charging),
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: decline === undefined ? "succeeded" : "failed",
    transfer_data: null,
    transfer_group: intent.transfer_group,
  };
}

/** Charges a good card: authorizes the money, or captures it when the intent captures automatically. */
export function charge(
  session: Session,
  intent: PaymentIntent,
  card: TestCard,
  method: string,
  threeDSecure?: ThreeDSecure,
): Answer {
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
  const made = newCharge(paid, card, chargeId, session.now, { captureBefore, threeDSecure });
  session.store.insert("charge", intent.id, made);
  session.store.update(paid);
  emit(session, "charge.succeeded", made);
  emit(session, manual ? "payment_intent.amount_capturable_updated" : "payment_intent.succeeded", paid);
  if (!manual) disputeAfterCapture(session, made);
  return { status: 200, body: paid };
}

/** Opens the dispute that some test cards cause as soon as they are captured. */
export function disputeAfterCapture(session: Session, captured: Charge): void {
  const dispute = findCard(captured.payment_method ?? "")?.dispute;
  if (dispute !== undefined) openDispute(session, captured, dispute);
}

/** Declines a card. The intent can be paid with another one, and a failed charge remains. */
export function declined(
  session: Session,
  intent: PaymentIntent,
  card: TestCard,
  method: string,
  charging: Charging & { readonly decline: Decline },
): Answer {
  const failed = newCharge({ ...intent, payment_method: method }, card, stripeId("ch"), session.now, charging);
  const error = {
    charge: failed.id,
    ...declineFields(charging.decline),
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
  emit(session, "charge.failed", failed);
  emit(session, "payment_intent.payment_failed", unpaid);
  return { status: 402, body: { error: { ...error, payment_intent: unpaid } } };
}

interface DeclineFields {
  readonly advice_code?: string;
  readonly code: string;
  readonly decline_code: string;
  readonly doc_url: string;
  readonly message: string;
  readonly param?: string;
}

function declineFields({ code, declineCode, message, adviceCode, param }: Decline): DeclineFields {
  return {
    ...(adviceCode === undefined ? {} : { advice_code: adviceCode }),
    code,
    decline_code: declineCode,
    doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}`,
    message,
    ...(param === undefined ? {} : { param }),
  };
}
