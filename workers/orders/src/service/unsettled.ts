// The last safety net: where stock or money has not followed an order's status, republishes the event that should have moved it.
import { commit } from "#shared/database";
import type { EventEnvelope } from "#shared/events/envelope";
import { consumersOf, routeOf } from "#shared/events/routing";
import { findingInsert } from "#shared/findings";
import { log } from "#shared/logger";
import { republishEvent } from "#shared/outbox";
import { sweepEach } from "#shared/sweep";
import { EVERYTHING_LIMIT, SWEEP_BATCH, SWEEP_CONCURRENCY, UNSETTLED_AFTER_MS } from "../constants.ts";
import { mendSettledFindings, unsettledEvents } from "../store/unsettled.ts";
import type { OrdersDeps } from "./deps.ts";

const KIND = "order_not_followed";

/** Republishes the event to the Workers that move stock or money; people are not notified twice. */
async function republish(deps: OrdersDeps, event: EventEnvelope): Promise<true> {
  const { id: eventId, subject, type } = event;
  log("warn", "stock or money has not followed the order; its last event is republished", { orderId: subject, type });
  const details = { published: type, eventId };
  await commit(deps.db, { finding: findingInsert(deps.now(), { kind: KIND, subject, outcome: "open", details }) });
  const consumers = consumersOf(routeOf(event)).filter((consumer) => consumer !== "notifications");
  await republishEvent(deps, event, consumers);
  return true;
}

/**
 * Each event waits at least UNSETTLED_AFTER_MS, then twice as long each time: what does not mend needs an operator, not a stream of
 * events. `everything` ignores the pause. Returns how many were republished.
 */
export async function republishUnsettled(
  deps: OrdersDeps,
  { everything }: { readonly everything: boolean },
): Promise<number> {
  const events = await unsettledEvents(deps.db, {
    now: deps.now(),
    minPauseMs: everything ? undefined : UNSETTLED_AFTER_MS,
    limit: everything ? EVERYTHING_LIMIT : SWEEP_BATCH,
  });
  const options = { concurrency: SWEEP_CONCURRENCY, idOf: ({ id }: EventEnvelope) => id };
  const republished = await sweepEach(events, options, (event) => republish(deps, event));
  await mendSettledFindings(deps.db, KIND, deps.now());
  return republished;
}
