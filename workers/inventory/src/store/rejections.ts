// The rejection of an order's stock, in the outbox.
import { sql } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Deps } from "#shared/deps";
import type { EventEnvelope } from "#shared/events/envelope";
import { outboxInsertFrom, save } from "#shared/outbox";

/**
 * Publishes the rejection, once for each event that caused it. False when another delivery of that event has committed its inbox
 * row with every line reserved: then nothing is published.
 */
export async function publishRejected(deps: Deps, rejected: EventEnvelope<"STOCK_REJECTED">): Promise<boolean> {
  const { subject, type, causationid: cause = null } = rejected;
  const isStored = sql`FROM outbox WHERE subject = ${subject} AND type = ${type} AND envelope ->> 'causationid' = ${cause}`;
  const unlessHandled = sql`WHERE NOT EXISTS (SELECT 1 ${isStored})
    AND NOT EXISTS (SELECT 1 FROM inbox WHERE event_id = ${cause})`;
  const { stored } = await save(deps, {
    rejection: outboxInsertFrom(rejected, sql`${JSON.stringify(rejected)}`, unlessHandled),
    stored: select({ id: sql<string>`id` }, isStored),
  });
  return stored.rows.length > 0;
}
