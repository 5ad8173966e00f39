// Processes Stripe's events: after their webhook, after a copy of it, and by the sweep. Concurrent runs have one effect, because each
// writes what Stripe holds now behind the payment's version.
import * as z from "zod";
import { findingInsert } from "#shared/findings";
import { log, withInvocation } from "#shared/logger";
import { save } from "#shared/outbox";
import { eventFailed, eventProcessed } from "../../store/stripe-events.ts";
import type { StoredEvent } from "../../store/stripe-events.ts";
import { byIntent, loadViews } from "../../store/views.ts";
import type { View } from "../../store/views.ts";
import type { PaymentsDeps } from "../deps.ts";
import { reconcile } from "../reconcile.ts";
import { retrieveIntent } from "./client.ts";
import { StripeRefused } from "./failures.ts";
import { reportOf } from "./snapshot.ts";

/** An object's id, where Stripe may have put the object itself. */
const Reference = z.union([z.string(), z.looseObject({ id: z.string() }).transform(({ id }) => id)]);

const EventObject = z.looseObject({
  object: z.string(),
  id: z.string().optional(),
  payment_intent: Reference.nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
});

/** https://docs.stripe.com/api/events/object. Unknown members are allowed, because Stripe adds some at any time. */
export const StripeEvent = z.looseObject({
  id: z.string().min(1).max(255),
  type: z.string().min(1).max(255),
  livemode: z.boolean().optional(),
  data: z.looseObject({ object: EventObject }),
});
export type StripeEvent = z.infer<typeof StripeEvent>;

export interface EventSubject {
  readonly intentId: string;
  /** From the metadata of an intent or a charge. Refunds and disputes do not carry it. */
  readonly paymentId: string | undefined;
}

/** Undefined for an event that cannot be about a payment of this shop, such as one about an intent created elsewhere. */
export function subjectOf(event: StripeEvent): EventSubject | undefined {
  const { object } = event.data;
  const paymentId = object.metadata?.["paymentId"];
  if (object.object === "payment_intent") {
    return object.id === undefined || paymentId === undefined ? undefined : { intentId: object.id, paymentId };
  }
  const intentId = object.payment_intent;
  return typeof intentId === "string" ? { intentId, paymentId } : undefined;
}

/** The payment that has the intent; else the one that the metadata names, if it has no intent yet. */
function ownerOf(views: readonly View[], { intentId, paymentId }: EventSubject): View | undefined {
  return (
    views.find(({ row }) => row.stripePaymentIntentId === intentId) ??
    views.find(({ row }) => row.id === paymentId && row.stripePaymentIntentId === null)
  );
}

/** Finds the payment of an event. If the event names only an intent that no row has, the intent's metadata names the payment. */
async function findOwner(deps: PaymentsDeps, subject: EventSubject, views: readonly View[]): Promise<View | undefined> {
  const owner = ownerOf(views, subject);
  if (owner !== undefined || subject.paymentId !== undefined) return owner;
  const { metadata } = await retrieveIntent(deps.stripe, subject.intentId);
  const paymentId = metadata["paymentId"];
  if (paymentId === undefined) return undefined;
  const named = { ...subject, paymentId };
  return ownerOf(await loadViews(deps.db, byIntent(subject.intentId, paymentId)), named);
}

async function applyToPayment(
  deps: PaymentsDeps,
  event: StoredEvent,
  subject: EventSubject,
  view: View,
): Promise<void> {
  const change = { actor: "stripe", reason: event.type };
  const options = {
    also: [eventProcessed(event, deps.now())],
    reports: reportOf(event.type),
  };
  if (view.row.stripePaymentIntentId !== null) {
    await reconcile(deps, view, change, options);
    return;
  }
  // Whose intent it is, only Stripe's present answer decides; the event's copy of the metadata may be old.
  const answer = await retrieveIntent(deps.stripe, subject.intentId);
  if (answer.metadata["paymentId"] === view.row.id) {
    await reconcile(deps, view, change, { ...options, answer, adopt: answer.id });
  } else {
    await ignore(deps, event);
  }
}

async function ignore(deps: PaymentsDeps, event: StoredEvent): Promise<void> {
  await save(deps, { processed: eventProcessed(event, deps.now(), "not about a payment of this shop") });
}

/** States of an intent that has or had money. */
const MONEY_STATES: readonly string[] = ["requires_capture", "succeeded"];

/**
 * Records an intent with money whose payment does not exist, for an operator to decide. That happens after the database was restored to
 * an earlier state, or when two shops share a Stripe account.
 */
async function reportUnknownPayment(deps: PaymentsDeps, event: StoredEvent, { intentId }: EventSubject): Promise<void> {
  const { metadata, status, amount, currency } = await retrieveIntent(deps.stripe, intentId);
  const { paymentId, orderId } = metadata;
  if (paymentId === undefined || !MONEY_STATES.includes(status)) {
    await ignore(deps, event);
    return;
  }
  log("error", "Stripe holds money of an unknown payment", { intentId, paymentId });
  const details = { paymentId, orderId, status, amount, currency };
  const now = deps.now();
  await save(deps, {
    finding: findingInsert(now, { kind: "payment_unknown", subject: intentId, outcome: "open", details }),
    processed: eventProcessed(event, now, "about an unknown payment"),
  });
}

async function processOnce(
  deps: PaymentsDeps,
  event: StoredEvent,
  subject: EventSubject,
  views: readonly View[],
): Promise<void> {
  try {
    const view = await findOwner(deps, subject, views);
    if (view === undefined) await reportUnknownPayment(deps, event, subject);
    else await applyToPayment(deps, event, subject, view);
  } catch (error) {
    if (error instanceof StripeRefused && error.code === "resource_missing") {
      await ignore(deps, event);
      return;
    }
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    log("warn", "a Stripe event is left to the sweep", { stripeEventId: event.id, type: event.type, error });
    await save(deps, { failed: eventFailed(event, reason, deps.now()) });
  }
}

/**
 * Processes an event, given the payments that it may be about, and stores it with the result if it is not stored yet. A failure is stored
 * too, and the sweep tries it again. Stripe is read before the event is stored: a process that dies leaves its webhook unanswered, which
 * Stripe then repeats.
 */
export async function processEvent(
  deps: PaymentsDeps,
  event: StoredEvent,
  subject: EventSubject,
  views: readonly View[],
): Promise<void> {
  const correlationId = ownerOf(views, subject)?.row.correlationId ?? event.id;
  const { worker, logLevel: level } = deps;
  await withInvocation({ worker, operation: `stripe ${event.type}`, correlationId, level }, () =>
    processOnce(deps, event, subject, views),
  );
}

/** Processes an event from its stored payload. */
export async function processStored(deps: PaymentsDeps, event: StoredEvent): Promise<void> {
  const subject = subjectOf(StripeEvent.parse(JSON.parse(event.payload)));
  if (subject === undefined) await ignore(deps, event);
  else
    await processEvent(deps, event, subject, await loadViews(deps.db, byIntent(subject.intentId, subject.paymentId)));
}
