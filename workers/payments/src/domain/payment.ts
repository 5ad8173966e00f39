// The pure rules of a payment. Its state is not counted up from events: it is derived, whole, from what Stripe holds now
// (the intent, its refunds, its disputes), so it matters neither which webhook came first nor how often.
import { z } from "zod";
import type { PaymentState, Refund } from "#shared/contracts/payments";
import type { EventType } from "#shared/events/catalogue";
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
  /** Our row's id, from the refund's metadata; null for one made in Stripe's dashboard. */
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
  /** Taken out of the shop's balance and not given back. */
  readonly amountWithdrawn: number;
  /** Milliseconds since the epoch, as the next. */
  readonly evidenceDueAt: number | null;
  readonly createdAt: number;
}

/** A charge that failed: a card that was declined, by its bank or by Stripe Radar. */
export interface Decline {
  /** Stripe's, of the charge. */
  readonly chargeId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Which count of declines ends a payment: that of its order, of its payer or of the payer's client network. */
export const Cap = z.enum(["order", "payer", "network"]);
export type Cap = z.infer<typeof Cap>;

/** At how many declines each cap is reached; the last two count those of the last hour. */
export type DeclineCaps = Readonly<Record<Cap, number>>;

/** Why a payment is void that a cap ended. */
export const TOO_MANY_DECLINES = "too_many_declines";

/** What Stripe holds of one payment, at one moment. Amounts in minor units, currency as ISO 4217. */
export interface StripeSnapshot {
  readonly intentId: string;
  readonly clientSecret: string;
  readonly status: IntentStatus;
  readonly amount: number;
  readonly currency: string;
  readonly amountCapturable: number;
  readonly amountReceived: number;
  /** Why the last attempt to pay failed: a decline code, or the error's code. */
  readonly failure: string | null;
  readonly cancellationReason: string | null;
  /** Null when the refunds were not asked for, because there can be none. */
  readonly refunds: readonly SnapshotRefund[] | null;
  /** Null when the disputes were not asked for, because there are none. */
  readonly disputes: readonly SnapshotDispute[] | null;
  /** The failed charges; null when they were not asked for, because none is new. */
  readonly declines: readonly Decline[] | null;
  /** Until when an authorization can be captured, in milliseconds since the epoch; null when Stripe does not say. */
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

/** States in which the buyer can still pay. */
const OPEN_STATES: readonly PaymentState[] = ["CREATED", "REQUIRES_ACTION", "FAILED"];
/** States in which money was captured and not all of it went back. */
const CAPTURED_STATES: readonly PaymentState[] = ["CAPTURED", "PARTIALLY_REFUNDED", "DISPUTED"];

export function isOpen(status: PaymentState): boolean {
  return OPEN_STATES.includes(status);
}

export function isCaptured(status: PaymentState): boolean {
  return CAPTURED_STATES.includes(status);
}

/** Money is authorized or captured: an order with such a payment is paid. */
export function isPaid(status: PaymentState): boolean {
  return status === "AUTHORIZED" || isCaptured(status);
}

/** A won or withdrawn dispute leaves the payment as it was. */
const CLOSED_WITHOUT_LOSS: readonly string[] = ["won", "warning_closed", "prevented"];
/** Why a payment stays DISPUTED for good: the bank gave the money to the buyer. */
export const DISPUTE_LOST = "dispute_lost";

/** Whether a dispute is open: its money is at the bank, and nothing goes back until that has decided. */
export function isUnderDispute({ status, reason }: Pick<DerivedState, "status" | "reason">): boolean {
  return status === "DISPUTED" && reason !== DISPUTE_LOST;
}

/** What lost disputes have given to the buyer. */
export function lostAmount(disputes: readonly Pick<SnapshotDispute, "status" | "amount">[]): number {
  return sumMinor(disputes.filter(({ status }) => status === "lost").map(({ amount }) => amount));
}

/** The dispute that the payment's state follows: an open one, else a lost one, which has taken the money. */
function decisiveDispute(disputes: readonly SnapshotDispute[]): SnapshotDispute | undefined {
  const counting = disputes.filter(({ status }) => !CLOSED_WITHOUT_LOSS.includes(status));
  return counting.find(({ status }) => status !== "lost") ?? counting[0];
}

function derivePaidState(snapshot: StripeSnapshot): DerivedState {
  const amountCaptured = snapshot.amountReceived;
  const done = (snapshot.refunds ?? []).filter(({ status }) => status === "succeeded");
  const amountRefunded = sumMinor(done.map(({ amount }) => amount));
  const amounts = { amountCapturable: 0, amountCaptured, amountRefunded };
  const dispute = decisiveDispute(snapshot.disputes ?? []);
  if (dispute !== undefined) {
    return { status: "DISPUTED", ...amounts, reason: dispute.status === "lost" ? DISPUTE_LOST : dispute.reason };
  }
  if (amountRefunded === 0) return { status: "CAPTURED", ...amounts, reason: null };
  const reason = done.toSorted((a, b) => b.createdAt - a.createdAt)[0]?.reason ?? null;
  return { status: amountRefunded >= amountCaptured ? "REFUNDED" : "PARTIALLY_REFUNDED", ...amounts, reason };
}

/** Stripe's reasons for a void that nobody asked for: `expired` since 2025-03-31.basil, `automatic` before. */
const EXPIRED: readonly (string | null)[] = ["automatic", "expired"];

/** The state of a payment, from Stripe's truth alone. */
export function deriveState(snapshot: StripeSnapshot): DerivedState {
  const nothing = { amountCapturable: 0, amountCaptured: 0, amountRefunded: 0, reason: null };
  switch (snapshot.status) {
    case "requires_payment_method":
      return snapshot.failure === null
        ? { status: "CREATED", ...nothing }
        : { status: "FAILED", ...nothing, reason: snapshot.failure };
    case "requires_confirmation":
    case "processing":
      return { status: "CREATED", ...nothing };
    case "requires_action":
      return { status: "REQUIRES_ACTION", ...nothing };
    case "requires_capture":
      return { status: "AUTHORIZED", ...nothing, amountCapturable: snapshot.amountCapturable };
    case "canceled":
      return {
        status: "VOIDED",
        ...nothing,
        reason: EXPIRED.includes(snapshot.cancellationReason) ? "authorization_expired" : snapshot.cancellationReason,
      };
    case "succeeded":
      break;
  }
  return derivePaidState(snapshot);
}

/**
 * An intent moves from open to authorized to captured or void and never back (a refund may still fail, so the captured states are
 * one rank). Truth is fetched after the row was read, so it can be no older; this is the second lock on the same door.
 */
const RANK: Readonly<Record<PaymentState, number>> = {
  CREATED: 0,
  REQUIRES_ACTION: 0,
  FAILED: 0,
  AUTHORIZED: 1,
  CAPTURED: 2,
  PARTIALLY_REFUNDED: 2,
  REFUNDED: 2,
  DISPUTED: 2,
  VOIDED: 2,
};

export function canFollow(from: PaymentState, to: PaymentState): boolean {
  if (from === "VOIDED" || to === "VOIDED") return from === to || RANK[from] < RANK.VOIDED;
  return RANK[to] >= RANK[from];
}

/** What the row knows that truth is held against. */
export interface RecordedState extends DerivedState {
  readonly amount: number;
  readonly currency: string;
}

export type Decision =
  | { readonly kind: "unchanged" }
  /** Stripe took other money than was asked for: that must not be confirmed. */
  | { readonly kind: "mismatch" }
  /** Truth older than the row. */
  | { readonly kind: "backwards" }
  | { readonly kind: "change"; readonly next: DerivedState };

/**
 * What to do with a payment's row, given Stripe's truth. `voidReason` says why we cancelled the intent, where we did:
 * Stripe knows only that it was.
 */
export function decide(known: RecordedState, snapshot: StripeSnapshot, voidReason?: string): Decision {
  const derived = deriveState(snapshot);
  const sameMoney = snapshot.amount === known.amount && snapshot.currency === known.currency;
  if (!sameMoney && (isPaid(derived.status) || derived.status === "REFUNDED")) return { kind: "mismatch" };
  if (!canFollow(known.status, derived.status)) return { kind: "backwards" };
  const next = derived.status === "VOIDED" ? { ...derived, reason: reasonOfVoid(known, derived, voidReason) } : derived;
  const same =
    next.status === known.status &&
    next.amountCapturable === known.amountCapturable &&
    next.amountCaptured === known.amountCaptured &&
    next.amountRefunded === known.amountRefunded &&
    next.reason === known.reason;
  return same ? { kind: "unchanged" } : { kind: "change", next };
}

export type PaymentEventType = Extract<EventType, `PAYMENT_${string}`>;

/** What is void stays void for the reason first told. */
function reasonOfVoid(known: RecordedState, derived: DerivedState, voidReason: string | undefined): string | null {
  return known.status === "VOIDED" ? known.reason : (voidReason ?? derived.reason);
}

const EVENTS: Readonly<Record<PaymentState, PaymentEventType | undefined>> = {
  CREATED: undefined,
  REQUIRES_ACTION: "PAYMENT_REQUIRES_ACTION",
  FAILED: "PAYMENT_FAILED",
  AUTHORIZED: "PAYMENT_AUTHORIZED",
  CAPTURED: "PAYMENT_CAPTURED",
  PARTIALLY_REFUNDED: "PAYMENT_REFUNDED",
  REFUNDED: "PAYMENT_REFUNDED",
  VOIDED: "PAYMENT_VOIDED",
  DISPUTED: "PAYMENT_DISPUTED",
};

/** The event that tells of a position; none while the buyer has yet to begin, because nobody waits for that. */
export function eventOf(status: PaymentState): PaymentEventType | undefined {
  return EVENTS[status];
}

/** What may still be refunded: pending refunds and lost disputes count as gone, so that no two give back more than was captured. */
export function refundable(
  amountCaptured: number,
  refunds: readonly { readonly amount: number; readonly status: Refund["status"] }[],
  disputes: readonly Pick<SnapshotDispute, "status" | "amount">[],
): number {
  const taken = refunds.filter(({ status }) => status === "pending" || status === "succeeded");
  return Math.max(0, amountCaptured - sumMinor(taken.map(({ amount }) => amount)) - lostAmount(disputes));
}

/** Milliseconds until try number `attempts + 1`: first, twice, four times … up to `max`. */
export function backoffMs(attempts: number, first: number, max: number): number {
  return Math.min(first * 2 ** Math.min(attempts, 30), max);
}
