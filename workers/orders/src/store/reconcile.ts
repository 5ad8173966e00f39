// Which orders to reconcile with their payments.
import { sql } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import { PAID_AND_OPEN } from "../domain/order.ts";
import { orders } from "../schema.ts";
import { conditionSql } from "./conditions.ts";

/** Times in milliseconds: created from `from` until before `to`, and unchanged since `unchangedSince`. */
export interface ReconcileWindow {
  readonly from: number;
  readonly to: number;
  readonly unchangedSince: number;
  readonly limit: number;
}

/**
 * Orders about which a payment's event became a dead letter, and orders between payment and delivery that were created in the window.
 * Of each kind at most `limit`, chosen at random, so that none is kept out by the others. The index by time finds the window.
 */
export async function ordersToReconcile(
  db: Database,
  { from, to, unchangedSince, limit }: ReconcileWindow,
): Promise<readonly string[]> {
  const dead = sql`SELECT subject FROM dead_letters AS dead WHERE type LIKE 'PAYMENT%'
    AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.event_id = dead.event_id) ORDER BY random() LIMIT ${limit}`;
  const open = sql`SELECT id FROM orders WHERE created_at >= ${from} AND created_at < ${to} AND updated_at <= ${unchangedSince}
    AND ${conditionSql(PAID_AND_OPEN, unchangedSince)} ORDER BY random() LIMIT ${limit}`;
  const rows = await db.all(select({ id: orders.id }, sql`FROM orders WHERE id IN (${dead}) OR id IN (${open})`));
  return rows.map(({ id }) => id);
}
