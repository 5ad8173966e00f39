// Compares Stripe's list of events with what its webhooks delivered. Missing events are stored and then processed like delivered ones.
// A lost webhook thus costs a delay only, even about a refund or a dispute that no other check would find.
import type { Stripe } from "stripe";
import { StaleWrite, mustChange } from "#shared/database";
import { findingInsert } from "#shared/findings";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import type { SweepRun } from "#shared/sweep";
import {
  COMPARE_EVENTS_EVERY_MS,
  EVENTS_SLICE_MS,
  EVENT_GRACE_MS,
  EVENT_OVERLAP_MS,
  FIRST_EVENTS_MS,
  MAX_EVENTS_PER_SLICE,
  WEBHOOK_TYPES,
} from "../../constants.ts";
import { advanceCursor, cursorSelect, stripeEventInsert, eventsNotStored } from "../../store/stripe-events.ts";
import type { PaymentsDeps } from "../deps.ts";
import { StripeEvent, subjectOf } from "./events.ts";
import type { EventSubject } from "./events.ts";
import { StripeUnavailable, request } from "./failures.ts";

const CURSOR = "stripe_events";

interface ListedEvent {
  readonly event: StripeEvent;
  readonly subject: EventSubject;
  readonly payload: string;
}

/** Stripe's events between two moments (ms), oldest first. */
async function eventsBetween(stripe: Stripe, from: number, to: number): Promise<Stripe.Event[]> {
  const created = { gte: Math.floor(from / 1_000), lte: Math.ceil(to / 1_000) };
  const list = await request(() =>
    stripe.events
      .list({ created, types: [...WEBHOOK_TYPES], limit: 100 })
      .autoPagingToArray({ limit: MAX_EVENTS_PER_SLICE }),
  );
  return list.toReversed();
}

/** The events about payments of this shop that are not stored. */
async function missedEvents(deps: PaymentsDeps, listed: readonly Stripe.Event[]): Promise<ListedEvent[]> {
  const events = listed.flatMap((item) => {
    const event = StripeEvent.parse(item);
    const subject = subjectOf(event);
    return subject === undefined ? [] : [{ event, subject, payload: JSON.stringify(item) }];
  });
  if (events.length === 0) return [];
  const ids = events.map(({ event, subject }) => ({ id: event.id, intentId: subject.intentId }));
  const missing = new Map((await deps.db.all(eventsNotStored(ids))).map(({ id, isOurs }) => [id, isOurs === 1]));
  // Refunds and disputes carry no payment id. They are ours if their intent is.
  return events.filter(({ event, subject }) => {
    const isOurs = missing.get(event.id);
    return isOurs !== undefined && (isOurs || subject.paymentId !== undefined);
  });
}

/** Stores a missed event, due now for the sweep of stored events. Returns false when its webhook came after all. */
async function storeMissed(
  deps: PaymentsDeps,
  { event: { id, type }, subject, payload }: ListedEvent,
): Promise<boolean> {
  const now = deps.now();
  const details = { type, intentId: subject.intentId };
  try {
    await save(deps, {
      stored: [stripeEventInsert({ id, type, payload }, { processAt: now, now }), mustChange()],
      finding: findingInsert(now, { kind: "webhook_missed", subject: id, outcome: "mended", details }),
    });
  } catch (error) {
    if (error instanceof StaleWrite) return false;
    throw error;
  }
  log("warn", "a webhook never came; its event was found in Stripe's list", { stripeEventId: id, type });
  return true;
}

async function compareSlice(deps: PaymentsDeps, from: number, to: number): Promise<number> {
  let missed = 0;
  for (const listed of await missedEvents(deps, await eventsBetween(deps.stripe, from - EVENT_OVERLAP_MS, to))) {
    if (await storeMissed(deps, listed)) missed += 1;
  }
  return missed;
}

/** Compares one slice of time if the last comparison is long enough ago; with `everything`, all time up to now. */
async function compareEvents(deps: PaymentsDeps, { everything }: SweepRun): Promise<number> {
  const now = deps.now();
  const cursor = (await deps.db.first(cursorSelect(CURSOR)))?.at ?? now - FIRST_EVENTS_MS;
  if (!everything && now - cursor < COMPARE_EVENTS_EVERY_MS + EVENT_GRACE_MS) return 0;
  const end = everything ? now : now - EVENT_GRACE_MS;
  let missed = 0;
  for (let from = cursor; from < end; from += EVENTS_SLICE_MS) {
    const to = Math.min(from + EVENTS_SLICE_MS, end);
    missed += await compareSlice(deps, from, to);
    await save(deps, { cursor: advanceCursor(CURSOR, Math.min(to, now - EVENT_GRACE_MS)) });
    if (!everything) break;
  }
  return missed;
}

/** Finds and stores missed events, and returns how many. When Stripe is not available, the next sweep does so. */
export async function findMissedEvents(deps: PaymentsDeps, run: SweepRun): Promise<number> {
  try {
    return await compareEvents(deps, run);
  } catch (error) {
    if (!(error instanceof StripeUnavailable)) throw error;
    log("warn", "Stripe's list of events is left to the next sweep", { error });
    return 0;
  }
}
