// The net under it all: orders whose stock or money has not followed their status, and their last event published anew.
import { sql } from "drizzle-orm";
import { commit } from "#shared/database";
import { parseEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { consumersOf, routeOf } from "#shared/events/routing";
import { findingInsert } from "#shared/findings";
import { log } from "#shared/logger";
import { republishEvent } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { UNSETTLED_AFTER_MS } from "../constants.ts";

/**
 * The last event of each such order, where every consumer is known to have it: until then it is the outbox sweep's. The pause
 * since it was last published is at least UNSETTLED_AFTER_MS and doubles each time: what does not mend needs an operator, not a
 * stream of events. `everything` ignores the pause.
 */
export async function unsettledEvents(
  deps: Deps,
  everything: boolean,
  limit: number,
): Promise<readonly EventEnvelope[]> {
  const rows = await deps.db.all<{ envelope: string }>(sql`
    WITH stuck AS (
      SELECT id, updated_at, 'ORDER_CREATED' AS type FROM orders WHERE status = 'PENDING' AND stock_status = 'PENDING'
      UNION ALL
      SELECT id, updated_at, iif(status = 'CANCELLED', 'ORDER_CANCELLED', 'ORDER_SHIPPED') AS type FROM orders WHERE unsettled = 1
    )
    SELECT last.envelope FROM stuck JOIN outbox AS last ON last.id =
      (SELECT id FROM outbox WHERE subject = stuck.id AND type = stuck.type ORDER BY time DESC, id DESC LIMIT 1)
    WHERE last.confirmed_at IS NOT NULL AND (${everything ? 1 : 0} OR ${deps.now()} - last.time >= max(${UNSETTLED_AFTER_MS}, last.time - stuck.updated_at))
    ORDER BY last.time LIMIT ${limit}`);
  return rows.map(({ envelope }) => parseEvent(JSON.parse(envelope))).filter((event) => event !== undefined);
}

const KIND = "order_not_followed";

/** Publishes such an event again, only to those that move stock or money: people are not told twice. */
export async function republishLastEvent(deps: Deps, event: EventEnvelope): Promise<void> {
  log("warn", "the order's stock or money has not followed; its last event is published anew", {
    orderId: event.subject,
    type: event.type,
  });
  const { subject, type } = event;
  await commit(deps.db, [
    findingInsert(deps.now(), {
      kind: KIND,
      subject,
      outcome: "open",
      details: { published: type, eventId: event.id },
    }),
  ]);
  const consumers = consumersOf(routeOf(event)).filter((consumer) => consumer !== "notifications");
  await republishEvent(deps, event, consumers);
}

/** Findings whose orders have been followed since. */
export async function closeResolvedFindings(deps: Deps): Promise<void> {
  await commit(deps.db, [
    sql`UPDATE findings SET outcome = 'mended', last_found_at = ${deps.now()} WHERE kind = ${KIND} AND outcome = 'open'
      AND NOT EXISTS (SELECT 1 FROM orders WHERE id = subject
        AND (unsettled = 1 OR (status = 'PENDING' AND stock_status = 'PENDING')))`,
  ]);
}
