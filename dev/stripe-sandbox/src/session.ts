// What one API call works with: the store, the clock, and the events that it causes.
import type { Stripe } from "stripe";
import { API_VERSION } from "./constants.ts";
import { stripeId } from "./ids.ts";
import type { Store, StripeObject } from "./store.ts";

export type EventType =
  | "payment_intent.created"
  | "payment_intent.amount_capturable_updated"
  | "payment_intent.succeeded"
  | "payment_intent.payment_failed"
  | "payment_intent.canceled"
  | "payment_intent.requires_action"
  | "charge.succeeded"
  | "charge.failed"
  | "charge.captured"
  | "charge.expired"
  | "charge.refunded"
  | "charge.dispute.created"
  | "charge.dispute.updated"
  | "charge.dispute.closed"
  | "charge.dispute.funds_withdrawn"
  | "charge.dispute.funds_reinstated"
  | "refund.created"
  | "refund.updated"
  | "refund.failed";

export interface StripeEvent extends StripeObject {
  readonly object: "event";
  readonly type: EventType;
  readonly [member: string]: unknown;
}

export interface Session {
  readonly store: Store;
  /** Seconds, as Stripe counts time. */
  readonly now: number;
  readonly requestId: string;
  readonly idempotencyKey: string | undefined;
  /** The origin under which a browser reaches this server. */
  readonly publicUrl: string;
  /** The events of this call, in order. The ledger delivers them after the commit. */
  readonly events: StripeEvent[];
}

/** The members of the object that changed, with their old values. */
function changed(before: object, now: object): object {
  const members = Object.entries(before).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify((now as Record<string, unknown>)[name]),
  );
  return Object.fromEntries(members);
}

/** Writes an event with the object as it is now. `before` is given when the event reports a change of the object. */
export function emit(session: Session, type: EventType, object: StripeObject, before?: StripeObject): void {
  const event: StripeEvent = {
    id: stripeId("evt"),
    object: "event",
    api_version: API_VERSION,
    created: session.now,
    data: { object, ...(before === undefined ? {} : { previous_attributes: changed(before, object) }) },
    livemode: false,
    pending_webhooks: 1,
    request: { id: session.requestId, idempotency_key: session.idempotencyKey ?? null },
    type,
  };
  session.store.insert("event", null, event);
  session.events.push(event);
}

export type PaymentIntent = Stripe.PaymentIntent;
export type Charge = Stripe.Charge;
export type Refund = Stripe.Refund;
export type Dispute = Stripe.Dispute;

/** A call's answer. A decline is an answer with status 402, because it writes a failed charge. */
export interface Answer {
  readonly status: number;
  readonly body: object;
}

/** The id in a member that contains either an id or the expanded object. */
export function idOf(reference: string | { readonly id: string } | null): string {
  if (reference === null) return "";
  return typeof reference === "string" ? reference : reference.id;
}

export function chargeOf(session: Session, intent: PaymentIntent): Charge {
  return session.store.get<Charge>("charge", idOf(intent.latest_charge));
}
