// The truth about one payment: what Stripe holds of it now, in the words of domain.ts.
import type { Stripe } from "stripe";
import { sumMinor } from "#shared/money";
import { IntentStatus } from "../../domain/payment.ts";
import type { Decline, SnapshotDispute, SnapshotRefund, StripeSnapshot } from "../../domain/payment.ts";
import type { View } from "../../store/views.ts";
import { ask } from "./client.ts";

/** Stripe's largest page. */
const PAGE = 100;
/** The SDK's largest list. A list cut short would show less refunded than was. */
const MAX_REFUNDS = 10_000;

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

/** All refunds of an intent, newest first. */
export async function refundsOf(stripe: Stripe, intentId: string): Promise<SnapshotRefund[]> {
  const list = await ask(() =>
    stripe.refunds.list({ payment_intent: intentId, limit: PAGE }).autoPagingToArray({ limit: MAX_REFUNDS }),
  );
  return list.map(toSnapshotRefund);
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
  const { data } = await ask(() => stripe.disputes.list({ payment_intent: intentId, limit: PAGE }));
  return data.map(toSnapshotDispute);
}

/** The failed charges of an intent, newest first: the last hundred, far above what any cap lets through. */
async function declinesOf(stripe: Stripe, intentId: string): Promise<Decline[]> {
  const { data } = await ask(() => stripe.charges.list({ payment_intent: intentId, limit: PAGE }));
  return data
    .filter(({ status }) => status === "failed")
    .map(({ id, created }) => ({ chargeId: id, at: created * 1_000 }));
}

function chargeOf(intent: Stripe.PaymentIntent): Stripe.Charge | null {
  return typeof intent.latest_charge === "object" ? intent.latest_charge : null;
}

/** Until when (ms) an intent, read with its charge, can be captured; null when Stripe does not say. */
export function captureUntilOf(intent: Stripe.PaymentIntent): number | null {
  const seconds = chargeOf(intent)?.payment_method_details?.card?.capture_before;
  return seconds === undefined ? null : seconds * 1_000;
}

/**
 * Completes what an intent, read or just answered with its charge, tells by the refunds, disputes and declines it can have. `known`
 * is what is known here: with refunds there is something to compare even when the charge tells of none, and a failed charge that is
 * counted is no news. `declined`: an event told of a decline, which a good card may have followed since.
 */
export async function takeSnapshot(
  stripe: Stripe,
  intent: Stripe.PaymentIntent,
  known: Pick<View, "refunds" | "declines">,
  { declined = false }: { readonly declined?: boolean | undefined } = {},
): Promise<StripeSnapshot> {
  const charge = chargeOf(intent);
  const captured = intent.status === "succeeded";
  const mayHaveRefunds = captured && (charge === null || charge.amount_refunded > 0 || known.refunds.length > 0);
  const isNewDecline = charge?.status === "failed" && !known.declines.includes(charge.id);
  const [refunds, disputes, declines] = await Promise.all([
    mayHaveRefunds ? refundsOf(stripe, intent.id) : null,
    captured && charge?.disputed === true ? disputesOf(stripe, intent.id) : null,
    isNewDecline || (declined && charge?.status !== "failed") ? declinesOf(stripe, intent.id) : null,
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
    refunds,
    disputes,
    declines,
    captureUntil: captureUntilOf(intent),
  };
}
