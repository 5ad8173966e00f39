// Refunds: https://docs.stripe.com/api/refunds. A refund succeeds immediately, with two exceptions. With pm_card_pendingRefund it
// stays pending until the dashboard settles it. With pm_card_refundFail the bank returns it right after the answer.
import { formatMoney } from "#shared/money";
import { findCard } from "./cards.ts";
import { StripeFailure, invalid } from "./failure.ts";
import type { FormMap } from "./form.ts";
import { stripeId } from "./ids.ts";
import { mergedMetadata, oneOf, only, optionalText, positiveAmount } from "./params.ts";
import { isOpen, lostAmount } from "./disputes.ts";
import { chargeOf, emit, idOf } from "./session.ts";
import type { Answer, Charge, Dispute, PaymentIntent, Refund, Session } from "./session.ts";

const REASONS = ["duplicate", "fraudulent", "requested_by_customer"] as const;

export function newRefund(charge: Charge, id: string, amount: number, created: number): Refund {
  return {
    id,
    object: "refund",
    amount,
    balance_transaction: null,
    charge: charge.id,
    created,
    currency: charge.currency,
    customer: null,
    customer_account: null,
    destination_details: {
      card: { reference_status: "pending", reference_type: "acquirer_reference_number", type: "refund" },
      type: "card",
    },
    metadata: {},
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: "succeeded",
    transfer_reversal: null,
  };
}

/** The charge that a refund names directly or by its intent. */
function chargeToRefund(session: Session, params: FormMap): Charge {
  const intentId = optionalText(params, "payment_intent");
  const chargeId = optionalText(params, "charge");
  if (intentId === undefined && chargeId === undefined) {
    throw invalid(
      "One of the following params should be provided for this request: payment_intent or charge.",
      "payment_intent",
    );
  }
  if (intentId === undefined) return session.store.get<Charge>("charge", String(chargeId), "charge");
  const intent = session.store.get<PaymentIntent>("payment_intent", intentId, "payment_intent");
  if (intent.status !== "succeeded") {
    throw invalid(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, "payment_intent");
  }
  return chargeOf(session, intent);
}

export function createRefund(session: Session, params: FormMap): Answer {
  only(params, ["payment_intent", "charge", "amount", "metadata", "reason", "expand"]);
  const reason = oneOf(params, "reason", REASONS) ?? null;
  const charge = chargeToRefund(session, params);
  const left = charge.amount_captured - charge.amount_refunded;
  if (!charge.captured || !charge.paid) throw invalid(`Charge ${charge.id} has not been captured.`, "charge");
  if (left === 0) {
    const code = "charge_already_refunded";
    throw new StripeFailure(
      400,
      { ...invalid(`Charge ${charge.id} has already been refunded.`, undefined, code).body },
      { isStored: true },
    );
  }
  // After a lost dispute, the part that was not disputed can be refunded.
  const disputes = session.store.children<Dispute>("dispute", idOf(charge.payment_intent));
  const undisputed = left - lostAmount(disputes);
  if (disputes.some(isOpen) || undisputed <= 0) {
    const code = "charge_disputed";
    throw new StripeFailure(
      400,
      { ...invalid(`Charge ${charge.id} has been charged back; cannot issue a refund.`, undefined, code).body },
      { isStored: true },
    );
  }
  const amount = positiveAmount(params, "amount") ?? undisputed;
  if (amount > undisputed) {
    const format = (minor: number): string => formatMoney(minor, charge.currency.toUpperCase());
    throw invalid(
      `Refund amount (${format(amount)}) is greater than unrefunded amount on charge (${format(undisputed)})`,
      "amount",
    );
  }
  const behaviour = findCard(charge.payment_method ?? "")?.refund;
  const refund: Refund = {
    ...newRefund(charge, stripeId("re"), amount, session.now),
    metadata: mergedMetadata(params),
    reason,
    status: behaviour === "pending" ? "pending" : "succeeded",
  };
  const refunded: Charge = {
    ...charge,
    amount_refunded: charge.amount_refunded + amount,
    refunded: amount === left,
  };
  session.store.insert("refund", idOf(charge.payment_intent), refund);
  session.store.update(refunded);
  emit(session, "refund.created", refund);
  emit(session, "charge.refunded", refunded, charge);
  if (behaviour === "fails") settleRefund(session, refund.id, "failed");
  return { status: 200, body: refund };
}

export function updateRefund(session: Session, id: string, params: FormMap): Answer {
  only(params, ["metadata", "expand"]);
  const present = session.store.get<Refund>("refund", id);
  const refund: Refund = { ...present, metadata: mergedMetadata(params, present.metadata ?? {}) };
  session.store.update(refund);
  emit(session, "refund.updated", refund, present);
  return { status: 200, body: refund };
}

/** Records the bank's answer to a refund. A failed one returns its money to the shop; a succeeded one can still fail later. */
export function settleRefund(session: Session, id: string, status: "succeeded" | "failed"): Answer {
  const present = session.store.get<Refund>("refund", id);
  const canSettle = present.status === "pending" || (present.status === "succeeded" && status === "failed");
  if (!canSettle) throw invalid(`This refund is already ${String(present.status)}.`, "status");
  const refund: Refund = {
    ...present,
    status,
    ...(status === "failed" ? { failure_reason: "lost_or_stolen_card" } : {}),
  };
  session.store.update(refund);
  if (status === "failed") {
    const charge = session.store.get<Charge>("charge", idOf(refund.charge));
    session.store.update({
      ...charge,
      amount_refunded: charge.amount_refunded - refund.amount,
      refunded: false,
    } as Charge);
    emit(session, "refund.failed", refund);
  }
  emit(session, "refund.updated", refund, present);
  return { status: 200, body: refund };
}
