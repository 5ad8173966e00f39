// What Stripe holds of one payment at one moment, and the state that follows from it. The state is derived whole from the intent, its
// refunds and its disputes, never counted up from events. So the order and the number of webhooks do not matter.
import * as z from "zod";
import type { PaymentState, Refund } from "#shared/contracts/payments";
import { sumMinor } from "#shared/money";

/** https://docs.stripe.com/payments/paymentintents/lifecycle */
export const IntentStatus = z.enum([
  "requires_payment_method",
  "requires_confirmation",
  "requires_action",
  "processing",
  "requires_capture",
  "succeeded",
  "canceled",
]);
export type IntentStatus = z.infer<typeof IntentStatus>;

export interface SnapshotRefund {
  readonly stripeRefundId: string;
  /** The id of our row, from the refund's metadata. Null for a refund made in Stripe's dashboard. */
  readonly refundId: string | null;
  readonly amount: number;
  readonly status: Refund["status"];
  readonly reason: string | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface SnapshotDispute {
  readonly id: string;
  readonly amount: number;
  readonly reason: string;
  /** https://docs.stripe.com/api/disputes/object#dispute_object-status */
  readonly status: string;
  /** Withdrawn from the shop's balance and not returned. */
  readonly amountWithdrawn: number;
  /** Milliseconds since the epoch, like createdAt. */
  readonly evidenceDueAt: number | null;
  readonly createdAt: number;
}

/** A failed charge: the bank or Stripe Radar declined the card. */
export interface Decline {
  /** Stripe's id of the charge. */
  readonly chargeId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Amounts in minor units, currency as ISO 4217. */
export interface StripeSnapshot {
  readonly intentId: string;
  readonly clientSecret: string;
  readonly status: IntentStatus;
  readonly amount: number;
  readonly currency: string;
  readonly amountCapturable: number;
  readonly amountReceived: number;
  /** Why the last attempt to pay failed: a decline code, or the code of another error. */
  readonly failure: string | null;
  readonly cancellationReason: string | null;
  /** Null when the refunds were not fetched, because there can be none. */
  readonly refunds: readonly SnapshotRefund[] | null;
  /** Null when the disputes were not fetched, because there are none. */
  readonly disputes: readonly SnapshotDispute[] | null;
  /** Null when the failed charges were not fetched, because none is new. */
  readonly declines: readonly Decline[] | null;
  /** Until when an authorization can be captured, in milliseconds since the epoch. Null when Stripe does not say. */
  readonly captureUntil: number | null;
}

/** The part of a payment that Stripe decides. */
export interface DerivedState {
  readonly status: PaymentState;
  readonly amountCapturable: number;
  readonly amountCaptured: number;
  readonly amountRefunded: number;
  readonly reason: string | null;
}

/** The reason of a payment that stays DISPUTED because the bank gave the money to the buyer. */
export const DISPUTE_LOST = "dispute_lost";

/** Statuses of a dispute that ended without a loss, which leaves the payment as it was. */
const CLOSED_WITHOUT_LOSS: readonly string[] = ["won", "warning_closed", "prevented"];

/** Stripe's reasons for cancelling an expired authorization: `expired` since 2025-03-31.basil, `automatic` before. */
const EXPIRED: readonly (string | null)[] = ["automatic", "expired"];

const NO_MONEY = { amountCapturable: 0, amountCaptured: 0, amountRefunded: 0, reason: null };

/** The dispute that decides the payment's state: an open one, else a lost one. */
function decisiveDispute(disputes: readonly SnapshotDispute[]): SnapshotDispute | undefined {
  const deciding = disputes.filter(({ status }) => !CLOSED_WITHOUT_LOSS.includes(status));
  return deciding.find(({ status }) => status !== "lost") ?? deciding[0];
}

function deriveCaptured({ amountReceived: amountCaptured, refunds, disputes }: StripeSnapshot): DerivedState {
  const succeeded = (refunds ?? []).filter(({ status }) => status === "succeeded");
  const amountRefunded = sumMinor(succeeded.map(({ amount }) => amount));
  const amounts = { amountCapturable: 0, amountCaptured, amountRefunded };
  const dispute = decisiveDispute(disputes ?? []);
  if (dispute !== undefined) {
    return { status: "DISPUTED", ...amounts, reason: dispute.status === "lost" ? DISPUTE_LOST : dispute.reason };
  }
  if (amountRefunded === 0) return { status: "CAPTURED", ...amounts, reason: null };
  const reason = succeeded.toSorted((a, b) => b.createdAt - a.createdAt)[0]?.reason ?? null;
  return { status: amountRefunded >= amountCaptured ? "REFUNDED" : "PARTIALLY_REFUNDED", ...amounts, reason };
}

export function deriveState(snapshot: StripeSnapshot): DerivedState {
  switch (snapshot.status) {
    case "requires_payment_method":
      return { ...NO_MONEY, status: snapshot.failure === null ? "CREATED" : "FAILED", reason: snapshot.failure };
    case "requires_confirmation":
    case "processing":
      return { ...NO_MONEY, status: "CREATED" };
    case "requires_action":
      return { ...NO_MONEY, status: "REQUIRES_ACTION" };
    case "requires_capture":
      return { ...NO_MONEY, status: "AUTHORIZED", amountCapturable: snapshot.amountCapturable };
    case "canceled": {
      const { cancellationReason } = snapshot;
      const reason = EXPIRED.includes(cancellationReason) ? "authorization_expired" : cancellationReason;
      return { ...NO_MONEY, status: "VOIDED", reason };
    }
    case "succeeded":
      break;
  }
  return deriveCaptured(snapshot);
}
