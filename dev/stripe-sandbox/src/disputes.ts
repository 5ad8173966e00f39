// Disputes: https://docs.stripe.com/api/disputes. A buyer's bank opens one and withdraws the money immediately. The shop may respond,
// then the bank decides. No API call opens or decides a dispute, so the sandbox's dashboard acts as the bank.
import type { Stripe } from "stripe";
import { DISPUTE_FEE_MINOR, EVIDENCE_WINDOW_SECONDS } from "./constants.ts";
import { invalid, unsupported } from "./failure.ts";
import { stripeId } from "./ids.ts";
import { emit, idOf } from "./session.ts";
import type { Answer, Charge, Dispute, Session } from "./session.ts";

const OPEN: readonly string[] = ["needs_response", "under_review"];

/** Whether the bank has yet to decide. */
export function isOpen({ status }: Dispute): boolean {
  return OPEN.includes(status);
}

/** The total of the disputes that the shop lost, in minor units. */
export function lostAmount(disputes: readonly Dispute[]): number {
  return disputes.filter(({ status }) => status === "lost").reduce((sum, { amount }) => sum + amount, 0);
}

/** The balance transaction that withdraws a dispute's money (negative) or returns it. */
function movement(dispute: Pick<Dispute, "id" | "currency">, amount: number, now: number): Stripe.BalanceTransaction {
  const fee = amount < 0 ? DISPUTE_FEE_MINOR : 0;
  return {
    id: stripeId("txn"),
    object: "balance_transaction",
    amount,
    available_on: now,
    balance_type: "payments",
    created: now,
    currency: dispute.currency,
    description: amount < 0 ? "Chargeback withdrawal" : "Chargeback reversal",
    exchange_rate: null,
    fee,
    fee_details: [],
    net: amount - fee,
    reporting_category: amount < 0 ? "dispute" : "dispute_reversal",
    source: dispute.id,
    status: "available",
    type: "adjustment",
  };
}

const NO_EVIDENCE: Stripe.Dispute.Evidence = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
};

/** Why a bank opens a dispute. An inquiry withdraws no money. */
export interface DisputeCause {
  readonly reason: string;
  readonly inquiry?: true | undefined;
}

function newDispute(charge: Charge, amount: number, { reason, inquiry }: DisputeCause, now: number): Dispute {
  const id = stripeId("du");
  const { currency } = charge;
  return {
    id,
    object: "dispute",
    amount,
    balance_transactions: inquiry === true ? [] : [movement({ id, currency }, -amount, now)],
    charge: charge.id,
    created: now,
    currency,
    enhanced_eligibility_types: [],
    evidence: NO_EVIDENCE,
    evidence_details: {
      due_by: now + EVIDENCE_WINDOW_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: "manual",
    },
    intended_submission_method: null,
    is_charge_refundable: inquiry === true,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason,
    status: inquiry === true ? "warning_needs_response" : "needs_response",
  };
}

/** Disputes a captured charge. Without `amount` (minor units), all of it that was not refunded. */
export function openDispute(session: Session, charge: Charge, cause: DisputeCause, amount?: number): Answer {
  const intentId = idOf(charge.payment_intent);
  if (session.store.children<Dispute>("dispute", intentId).some((one) => isOpen(one) || one.status === "lost")) {
    throw invalid(`Charge ${charge.id} is already disputed.`, "payment_intent");
  }
  const left = charge.amount_captured - charge.amount_refunded;
  const disputed = amount ?? left;
  if (!charge.captured || disputed < 1 || disputed > left) {
    throw invalid(`There are ${String(charge.captured ? left : 0)} ${charge.currency} to dispute.`, "amount");
  }
  const dispute = newDispute(charge, disputed, cause, session.now);
  session.store.insert("dispute", intentId, dispute);
  session.store.update({ ...charge, disputed: true } as Charge);
  emit(session, "charge.dispute.created", dispute);
  if (cause.inquiry !== true) emit(session, "charge.dispute.funds_withdrawn", dispute);
  return { status: 200, body: dispute };
}

/** The open statuses of an inquiry, which a bank may send before a dispute. */
const OPEN_INQUIRIES: readonly string[] = ["warning_needs_response", "warning_under_review"];

function isInquiry({ status }: Dispute): boolean {
  return OPEN_INQUIRIES.includes(status);
}

function getOpenDispute(session: Session, id: string): Dispute {
  const dispute = session.store.get<Dispute>("dispute", id, "dispute");
  if (!isOpen(dispute) && !isInquiry(dispute)) throw invalid(`This dispute is closed: ${dispute.status}.`, "dispute");
  return dispute;
}

/** Records that the shop sent its evidence. */
export function answerDispute(session: Session, id: string): Answer {
  const present = getOpenDispute(session, id);
  const details = { ...present.evidence_details, has_evidence: true, submission_count: 1 };
  const status = isInquiry(present) ? "warning_under_review" : "under_review";
  const dispute: Dispute = { ...present, status, evidence_details: details };
  session.store.update(dispute);
  emit(session, "charge.dispute.updated", dispute, present);
  return { status: 200, body: dispute };
}

/** Records the bank's decision. When the shop wins, the money is returned; an inquiry never withdrew any. */
export function closeDispute(session: Session, id: string, outcome: "won" | "lost"): Answer {
  const present = getOpenDispute(session, id);
  const won = outcome === "won";
  if (isInquiry(present)) {
    if (!won) throw unsupported("An inquiry that becomes a dispute", "outcome");
    const closed: Dispute = { ...present, status: "warning_closed" };
    session.store.update(closed);
    emit(session, "charge.dispute.closed", closed, present);
    return { status: 200, body: closed };
  }
  const dispute: Dispute = {
    ...present,
    status: outcome,
    is_charge_refundable: won,
    balance_transactions: [
      ...present.balance_transactions,
      ...(won ? [movement(present, present.amount, session.now)] : []),
    ],
  };
  session.store.update(dispute);
  if (won) emit(session, "charge.dispute.funds_reinstated", dispute);
  emit(session, "charge.dispute.closed", dispute, present);
  return { status: 200, body: dispute };
}
