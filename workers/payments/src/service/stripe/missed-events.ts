// Compares Stripe's list of events with what its webhooks brought. What is missing is stored, and then processed as if it had come:
// a lost webhook costs a delay, also about a refund, a dispute or a payment that nothing else would ask about.
import type { Stripe } from "stripe";
import { StaleWrite, mustChange } from "#shared/database";
import { findingInsert } from "#shared/findings";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import {
  COMPARE_EVENTS_EVERY_MS,
  EVENTS_SLICE_MS,
  EVENT_GRACE_MS,
  EVENT_OVERLAP_MS,
  FIRST_EVENTS_MS,
  MAX_EVENTS_PER_SLICE,
  WEBHOOK_TYPES,
} from "../../constants.ts";
import { advanceCursor, readCursor } from "../../store/cursors.ts";
import { eventInsert, eventsNotStored } from "../../store/stripe-events.ts";
import type { PaymentsDeps } from "../deps.ts";
import { ask } from "./client.ts";
import { StripeEvent, subjectOf } from "./event-subject.ts";

const CURSOR = "stripe_events";

interface Missed {
  readonly event: StripeEvent;
  readonly payload: string;
}

/** Events of Stripe's between two moments (ms), oldest first. */
async function eventsBetween(stripe: Stripe, from: number, to: number): Promise<Stripe.Event[]> {
  const created = { gte: Math.floor(from / 1_000), lte: Math.ceil(to / 1_000) };
  const list = await ask(() =>
    stripe.events
      .list({ created, types: [...WEBHOOK_TYPES], limit: 100 })
      .autoPagingToArray({ limit: MAX_EVENTS_PER_SLICE }),
  );
  return list.toReversed();
}

/** Those about payments of this shop's that are not stored. */
async function missedEvents(deps: PaymentsDeps, events: readonly Stripe.Event[]): Promise<Missed[]> {
  const ours = events.flatMap((listed) => {
    const event = StripeEvent.parse(listed);
    const subject = subjectOf(event);
    return subject === undefined ? [] : [{ event, subject, payload: JSON.stringify(listed) }];
  });
  if (ours.length === 0) return [];
  const ids = ours.map(({ event, subject }) => ({ id: event.id, intentId: subject.intentId }));
  const rows = await deps.db.all<{ id: string; known: number }>(eventsNotStored(ids));
  const missing = new Map(rows.map(({ id, known }) => [id, known === 1]));
  // A refund or dispute names no payment of ours: then its intent has to be one of ours.
  return ours.filter(({ event, subject }) => {
    const known = missing.get(event.id);
    return known !== undefined && (known || subject.paymentId !== undefined);
  });
}

/** Stores one, due at once for the sweep of stored events. False when its webhook came after all. */
async function storeMissed(deps: PaymentsDeps, { event, payload }: Missed): Promise<boolean> {
  const now = deps.now();
  const { id, type } = event;
  const details = { type, intentId: subjectOf(event)?.intentId };
  try {
    await save(deps, [
      eventInsert({ id, type, payload }, true, now, 0),
      mustChange(),
      findingInsert(now, { kind: "webhook_missed", subject: id, outcome: "mended", details }),
    ]);
  } catch (error) {
    if (error instanceof StaleWrite) return false;
    throw error;
  }
  log("warn", "a webhook never came; its event was found in Stripe's list", { stripeEventId: id, type });
  return true;
}

async function compareSlice(deps: PaymentsDeps, from: number, to: number): Promise<number> {
  let missed = 0;
  for (const item of await missedEvents(deps, await eventsBetween(deps.stripe, from - EVENT_OVERLAP_MS, to))) {
    if (await storeMissed(deps, item)) missed += 1;
  }
  return missed;
}

/** The stretches of time from `from` to `to` that have not been compared. */
function* slices(from: number, to: number): Generator<readonly [number, number]> {
  for (let start = from; start < to; start += EVENTS_SLICE_MS) yield [start, Math.min(start + EVENTS_SLICE_MS, to)];
}

/**
 * Compares one slice of time when it is time for it; with `everything` up to this moment, what has just happened included.
 * Returns how many events had been missed. Stripe not answering leaves it to the next sweep.
 */
export async function compareEvents(
  deps: PaymentsDeps,
  { everything }: { readonly everything: boolean },
): Promise<number> {
  const now = deps.now();
  const mark = (await readCursor(deps.db, CURSOR)) ?? now - FIRST_EVENTS_MS;
  if (!everything && now - mark < COMPARE_EVENTS_EVERY_MS + EVENT_GRACE_MS) return 0;
  let missed = 0;
  for (const [from, to] of slices(mark, everything ? now : now - EVENT_GRACE_MS)) {
    missed += await compareSlice(deps, from, to);
    await deps.db.run(advanceCursor(CURSOR, Math.min(to, now - EVENT_GRACE_MS)));
    if (!everything) break;
  }
  return missed;
}
