// Which orders may have lost sight of their money, and the statements that set one right.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Payment } from "#shared/contracts/payments";
import type { Database, Statement } from "#shared/database";
import type { Deps } from "#shared/deps";
import { RECONCILE_SLICES, RECONCILE_SPAN_MS, UNSETTLED_AFTER_MS } from "../constants.ts";
import type { StoredOrder } from "./orders.ts";
import { paymentTruth } from "./saga.ts";

/** Between payment and delivery: an order that is believed to be paid, and that somebody still works on. */
const OPEN = sql`status IN ('CONFIRMED', 'PROCESSING', 'SHIPPED')`;

/**
 * One slice of the time in which orders are still open, by the minute, so that each comes round once in RECONCILE_SLICES
 * minutes and no sweep reads the whole table; the index by time finds it. All of it for everything.
 */
function slice(now: number, everything: boolean): SQL {
  const since = now - RECONCILE_SPAN_MS;
  if (everything) return sql`created_at >= ${since}`;
  const width = RECONCILE_SPAN_MS / RECONCILE_SLICES;
  const from = since + (Math.floor(now / 60_000) % RECONCILE_SLICES) * width;
  return sql`created_at >= ${from} AND created_at < ${from + width} AND updated_at <= ${now - UNSETTLED_AFTER_MS}`;
}

/**
 * Orders to compare with their payments: those about which a payment's event was given up, and open ones, some at a time; of more,
 * which ones is left to chance, so that none is kept out by the others.
 */
export async function ordersToReconcile(
  db: Database,
  now: number,
  everything: boolean,
  limit: number,
): Promise<readonly string[]> {
  const rows = await db.all<{ id: string }>(sql`
    SELECT id FROM orders WHERE id IN (SELECT subject FROM dead_letters AS dead WHERE type LIKE 'PAYMENT%'
      AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.event_id = dead.event_id) ORDER BY random() LIMIT ${limit})
    UNION
    SELECT id FROM (SELECT id FROM orders WHERE ${slice(now, everything)} AND ${OPEN} ORDER BY random() LIMIT ${limit})`);
  return rows.map(({ id }) => id);
}

/** Takes over what the payment is, as the event of this version would have. Nothing when the order has heard meanwhile. */
export function adoptPaymentState(
  deps: Deps & { readonly paymentWindowMs: number },
  { order, correlationId }: StoredOrder,
  { status, version }: Pick<Payment, "status" | "version">,
): readonly Statement[] {
  const time = { now: deps.now(), paymentWindowMs: deps.paymentWindowMs };
  return paymentTruth({ orderId: order.id, status, version }, { correlationid: correlationId }, time);
}
