// The state machine of a payment: what its states mean, which may follow which, and the event of each.
import * as z from "zod";
import type { PaymentState } from "#shared/contracts/payments";
import type { EventType } from "#shared/events/catalogue";
import { DISPUTE_LOST, deriveState } from "./snapshot.ts";
import type { DerivedState, StripeSnapshot } from "./snapshot.ts";

/** States in which the buyer can still pay. */
const OPEN_STATES: readonly PaymentState[] = ["CREATED", "REQUIRES_ACTION", "FAILED"];
/** States in which money was captured and not all of it was refunded. */
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

/** Captured and not disputed: the order may be shipped. */
export function isShippable(status: PaymentState): boolean {
  return status === "CAPTURED" || status === "PARTIALLY_REFUNDED";
}

/** The payment has ended and holds no money: nothing of it can change any more. */
export function isOver(status: PaymentState): boolean {
  return status === "VOIDED" || status === "REFUNDED";
}

/** Whether a dispute is open: the bank holds the money, and nothing may be refunded until the bank decides. */
export function isUnderDispute({ status, reason }: Pick<DerivedState, "status" | "reason">): boolean {
  return status === "DISPUTED" && reason !== DISPUTE_LOST;
}

/** Which count of declined cards ended a payment: that of its order, its payer or the payer's client network. */
export const Cap = z.enum(["order", "payer", "network"]);
export type Cap = z.infer<typeof Cap>;

/** How many declines reach each cap. Those of the payer and the network are counted over the last hour. */
export type DeclineCaps = Readonly<Record<Cap, number>>;

/** The reason of a payment that a cap on declines voided. */
export const TOO_MANY_DECLINES = "too_many_declines";

/** Why the payment's intent must be cancelled; undefined while it may be paid. */
export function voidReasonOf(closedReason: string | null, stoppedBy: Cap | null): string | undefined {
  return closedReason ?? (stoppedBy === null ? undefined : TOO_MANY_DECLINES);
}

/**
 * An intent moves from open to authorized to captured or void, and never back. The captured states have one rank, because a refund
 * may still fail. Snapshots are taken after the row was read and so cannot be older; this is a second safeguard.
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

/** What the payment's row says, to be compared with a snapshot. */
export interface RecordedState extends DerivedState {
  readonly amount: number;
  readonly currency: string;
}

export type Decision =
  | { readonly kind: "unchanged" }
  /** Stripe holds another amount or currency than was requested. It must not be confirmed. */
  | { readonly kind: "mismatch" }
  /** The snapshot is older than the row. */
  | { readonly kind: "backwards" }
  | { readonly kind: "change"; readonly next: DerivedState };

/**
 * Decides what a snapshot changes. `voidReason` says why we cancelled the intent, if we did: Stripe only knows that it is cancelled.
 * A void payment keeps its first reason.
 */
export function decide(recorded: RecordedState, snapshot: StripeSnapshot, voidReason?: string): Decision {
  const derived = deriveState(snapshot);
  const isRequestedMoney = snapshot.amount === recorded.amount && snapshot.currency === recorded.currency;
  if (!isRequestedMoney && (isPaid(derived.status) || derived.status === "REFUNDED")) return { kind: "mismatch" };
  if (!canFollow(recorded.status, derived.status)) return { kind: "backwards" };
  const reasonOfVoid = recorded.status === "VOIDED" ? recorded.reason : (voidReason ?? derived.reason);
  const next = derived.status === "VOIDED" ? { ...derived, reason: reasonOfVoid } : derived;
  const isSame =
    next.status === recorded.status &&
    next.amountCapturable === recorded.amountCapturable &&
    next.amountCaptured === recorded.amountCaptured &&
    next.amountRefunded === recorded.amountRefunded &&
    next.reason === recorded.reason;
  return isSame ? { kind: "unchanged" } : { kind: "change", next };
}

export type PaymentEventType = Extract<EventType, `PAYMENT_${string}`>;

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

/** The event that reports a state. CREATED has none, because nobody waits for it. */
export function eventOf(status: PaymentState): PaymentEventType | undefined {
  return EVENTS[status];
}
