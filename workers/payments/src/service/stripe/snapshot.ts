// Takes the snapshot of a payment: what Stripe holds of it now, in the terms of domain/snapshot.ts.
import type { Stripe } from "stripe";
import { sumMinor } from "#shared/money";
import { IntentStatus } from "../../domain/snapshot.ts";
import type { Decline, SnapshotDispute, SnapshotRefund, StripeSnapshot } from "../../domain/snapshot.ts";
import type { View } from "../../store/views.ts";
import { listRefunds } from "./client.ts";
import { request } from "./failures.ts";

/** Stripe's largest page. */
const PAGE = 100;

function refundStatus(status: string | null): SnapshotRefund["status"] {
  return status === "succeeded" || status === "failed" || status === "canceled" ? status : "pending";
}

function toSnapshotRefund(refund: Stripe.Refund): SnapshotRefund {
  return {
    stripeRefundId: refund.id,
    refundId: refund.metadata?.["refundId"] ?? null,
    amount: refund.amount,
    status: refundStatus(refund.status),
    reason: refund.metadata?.["reason"] ?? refund.reason ?? null,
    createdAt: refund.created * 1_000,
  };
}

function toSnapshotDispute(dispute: Stripe.Dispute): SnapshotDispute {
  const { id, amount, reason, status, balance_transactions: movements, evidence_details: evidence, created } = dispute;
  return {
    id,
    amount,
    reason,
    status,
    // Withdrawals are negative, a reinstatement is positive.
    amountWithdrawn: Math.max(0, -sumMinor(movements.map((movement) => movement.amount))),
    evidenceDueAt: evidence.due_by === null ? null : evidence.due_by * 1_000,
    createdAt: created * 1_000,
  };
}

async function disputesOf(stripe: Stripe, intentId: string): Promise<SnapshotDispute[]> {
  const { data } = await request(() => stripe.disputes.list({ payment_intent: intentId, limit: PAGE }));
  return data.map(toSnapshotDispute);
}

/** The failed charges of an intent, newest first. One page is far more than any cap allows. */
async function declinesOf(stripe: Stripe, intentId: string): Promise<Decline[]> {
  const { data } = await request(() => stripe.charges.list({ payment_intent: intentId, limit: PAGE }));
  return data
    .filter(({ status }) => status === "failed")
    .map(({ id, created }) => ({ chargeId: id, at: created * 1_000 }));
}

/** What an event reports that a snapshot has to fetch. */
export type Report = "decline" | "refund";

/** What an event of this type reports. */
export function reportOf(eventType: string): Report | undefined {
  if (eventType === "payment_intent.payment_failed") return "decline";
  return eventType.startsWith("refund.") || eventType.startsWith("charge.refund") ? "refund" : undefined;
}

function chargeOf(intent: Stripe.PaymentIntent): Stripe.Charge | null {
  return typeof intent.latest_charge === "object" ? intent.latest_charge : null;
}

/** Until when (ms) an intent, read with its charge, can be captured. Null when Stripe does not say. */
export function captureUntilOf(intent: Stripe.PaymentIntent): number | null {
  const seconds = chargeOf(intent)?.payment_method_details?.card?.capture_before;
  return seconds === undefined ? null : seconds * 1_000;
}

/**
 * The snapshot of an intent that was just read with its charge. Refunds, disputes and declines are fetched only if some may be new.
 * `recorded`: what our rows say. `reports`: what an event is about that the charge may not show: a decline that a good card has followed,
 * or a refund that has failed.
 */
export async function takeSnapshot(
  stripe: Stripe,
  intent: Stripe.PaymentIntent,
  recorded: Pick<View, "refunds" | "declines">,
  { reports }: { readonly reports?: Report | undefined } = {},
): Promise<StripeSnapshot> {
  const charge = chargeOf(intent);
  const isCaptured = intent.status === "succeeded";
  const mayHaveRefunds =
    isCaptured &&
    (charge === null || charge.amount_refunded > 0 || recorded.refunds.length > 0 || reports === "refund");
  const isNewDecline = charge?.status === "failed" && !recorded.declines.includes(charge.id);
  const [refunds, disputes, declines] = await Promise.all([
    mayHaveRefunds ? listRefunds(stripe, intent.id) : null,
    isCaptured && charge?.disputed === true ? disputesOf(stripe, intent.id) : null,
    isNewDecline || (reports === "decline" && charge?.status !== "failed") ? declinesOf(stripe, intent.id) : null,
  ]);
  const failure = intent.last_payment_error;
  return {
    intentId: intent.id,
    clientSecret: intent.client_secret ?? "",
    status: IntentStatus.parse(intent.status),
    amount: intent.amount,
    currency: intent.currency.toUpperCase(),
    amountCapturable: intent.amount_capturable,
    amountReceived: intent.amount_received,
    failure: failure === null ? null : (failure.decline_code ?? failure.code ?? failure.type),
    cancellationReason: intent.cancellation_reason,
    refunds: refunds === null ? null : refunds.map(toSnapshotRefund),
    disputes,
    declines,
    captureUntil: captureUntilOf(intent),
  };
}
