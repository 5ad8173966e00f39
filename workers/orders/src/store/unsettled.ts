// Orders whose stock or money has not followed their status, and the events that should have made them follow.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { commit } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import { findingsMended } from "#shared/findings";
import { parseEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { AWAITS_STOCK } from "../domain/order.ts";
import { IS_PENDING, conditionSql } from "./conditions.ts";

/** Each order with the type of the event that inventory or payments has not acted on. The partial indexes find them. */
const UNSETTLED = sql`SELECT id, updated_at, 'ORDER_CREATED' AS type FROM orders WHERE ${IS_PENDING} AND ${conditionSql(AWAITS_STOCK, 0)}
    UNION ALL
    SELECT id, updated_at, iif(status = 'CANCELLED', 'ORDER_CANCELLED', 'ORDER_SHIPPED') AS type FROM orders WHERE unsettled = 1`;

/**
 * The last such event of each unsettled order, oldest first, if the outbox has confirmed it: until then the outbox sweep resends it.
 * `minPauseMs`: the least pause since it was last published, which doubles with each time; undefined for no pause.
 */
export async function unsettledEvents(
  db: Database,
  { now, minPauseMs, limit }: { readonly now: number; readonly minPauseMs: number | undefined; readonly limit: number },
): Promise<readonly EventEnvelope[]> {
  const isDue: SQL =
    minPauseMs === undefined
      ? sql`true`
      : sql`${now} - last.time >= max(${minPauseMs}, last.time - unsettled_orders.updated_at)`;
  const rows = await db.all(
    select(
      { envelope: sql<string>`last.envelope` },
      sql`FROM (${UNSETTLED}) AS unsettled_orders JOIN outbox AS last ON last.id =
        (SELECT id FROM outbox WHERE subject = unsettled_orders.id AND type = unsettled_orders.type ORDER BY time DESC, id DESC LIMIT 1)
      WHERE last.id NOT IN (SELECT id FROM unconfirmed_events) AND ${isDue} ORDER BY last.time LIMIT ${limit}`,
    ),
  );
  return rows.map(({ envelope }) => parseEvent(JSON.parse(envelope))).filter((event) => event !== undefined);
}

/** Marks the open findings of this kind as mended whose orders are unsettled no longer. */
export async function mendSettledFindings(db: Database, kind: string, now: number): Promise<void> {
  await commit(db, {
    mended: findingsMended(
      now,
      [kind],
      sql`NOT EXISTS (SELECT 1 FROM orders WHERE id = subject AND (unsettled = 1 OR ${conditionSql(AWAITS_STOCK, now)}))`,
    ),
  });
}
