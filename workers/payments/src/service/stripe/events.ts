// Processes a stored event: right after it came, by its duplicate, or by the sweep. Any number of these at once have one effect,
// because each writes what Stripe holds now behind the payment's version.
import { findingInsert } from "#shared/findings";
import { log, withInvocation } from "#shared/logger";
import { save } from "#shared/outbox";
import type { StripeEventRow } from "../../schema.ts";
import { eventFailed, eventProcessed } from "../../store/stripe-events.ts";
import { byIntent, loadViews } from "../../store/views.ts";
import type { View } from "../../store/views.ts";
import type { PaymentsDeps } from "../deps.ts";
import { reconcile } from "../reconcile.ts";
import { StripeRefused, retrieveIntent } from "./client.ts";
import { StripeEvent, subjectOf } from "./event-subject.ts";
import type { EventSubject } from "./event-subject.ts";

type StoredEvent = Pick<StripeEventRow, "id" | "type" | "attempts">;

/** The row that has the intent; else the one the metadata names, when it has none yet and so this may be its own. */
function ownerOf(views: readonly View[], { intentId, paymentId }: EventSubject): View | undefined {
  return (
    views.find(({ row }) => row.stripePaymentIntentId === intentId) ??
    views.find(({ row }) => row.id === paymentId && row.stripePaymentIntentId === null)
  );
}

/** A refund or dispute names only its intent. Where no row has that, the intent's own metadata tells whose it is. */
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
  const also = [eventProcessed(event.id, deps.now())];
  const declined = event.type === "payment_intent.payment_failed";
  if (view.row.stripePaymentIntentId !== null) {
    await reconcile(deps, view, change, { also, declined });
    return;
  }
  // Only Stripe's own word makes an intent ours; the event's copy of the metadata could be of another time.
  const intent = await retrieveIntent(deps.stripe, subject.intentId);
  if (intent.metadata["paymentId"] === view.row.id) {
    await reconcile(deps, view, change, { answer: intent, adopt: intent.id, also, declined });
  } else {
    await ignore(deps, event);
  }
}

async function ignore(deps: PaymentsDeps, event: StoredEvent): Promise<void> {
  await save(deps, [eventProcessed(event.id, deps.now(), "not about a payment of this shop")]);
}

/** States of an intent that hold money, or held it. */
const MONEY_STATES: readonly string[] = ["requires_capture", "succeeded"];

/**
 * An intent that names a payment of this shop's which is not here: after the database was set back, or when two shops share an
 * account of Stripe's. With money in it somebody has to look; what to do with it, this Worker cannot know.
 */
async function reportUnknownPayment(deps: PaymentsDeps, event: StoredEvent, { intentId }: EventSubject): Promise<void> {
  const { metadata, status, amount, currency } = await retrieveIntent(deps.stripe, intentId);
  if (metadata["paymentId"] === undefined || !MONEY_STATES.includes(status)) {
    await ignore(deps, event);
    return;
  }
  log("error", "Stripe holds money of a payment that is not here", { intentId, paymentId: metadata["paymentId"] });
  const { paymentId, orderId } = metadata;
  const details = { paymentId, orderId, status, amount, currency };
  const now = deps.now();
  await save(deps, [
    findingInsert(now, { kind: "payment_unknown", subject: intentId, outcome: "open", details }),
    eventProcessed(event.id, now, "about a payment that is not here"),
  ]);
}

async function attempt(
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
    await save(deps, [eventFailed(event.id, event.attempts, reason, deps.now())]);
  }
}

/** Never throws for what a later try can mend: the failure is kept with the event, and the sweep takes it up. */
export async function processEvent(
  deps: PaymentsDeps,
  event: StoredEvent,
  subject: EventSubject,
  views: readonly View[],
): Promise<void> {
  const correlationId = ownerOf(views, subject)?.row.correlationId ?? event.id;
  const { worker, logLevel: level } = deps;
  await withInvocation({ worker, operation: `stripe ${event.type}`, correlationId, level }, () =>
    attempt(deps, event, subject, views),
  );
}

/** Processes an event from its stored payload. */
export async function processStored(
  deps: PaymentsDeps,
  row: StoredEvent & Pick<StripeEventRow, "payload">,
): Promise<void> {
  const event = StripeEvent.parse(JSON.parse(row.payload));
  const subject = subjectOf(event);
  if (subject === undefined) {
    await ignore(deps, row);
    return;
  }
  await processEvent(deps, row, subject, await loadViews(deps.db, byIntent(subject.intentId, subject.paymentId)));
}
