// Orders whose payment window is over and whose money is not known to be in.
import { sql } from "drizzle-orm";
import { commit, inJson } from "#shared/database";
import type { Database } from "#shared/database";
import { PAYABLE, TRIED } from "../domain/order.ts";

export interface DueOrder {
  readonly id: string;
  readonly correlationId: string;
  /** Whether a payment has begun, so that Stripe has to be asked. */
  readonly isBegun: boolean;
  /** Whether only the window of an order without a tried payment method is over. */
  readonly isUntried: boolean;
}

/**
 * The oldest first, after them those that could not be ended before, the longest since first. The index of pending orders
 * finds them.
 */
export async function dueOrders(
  db: Database,
  { now, paymentWindowMs, limit }: { readonly now: number; readonly paymentWindowMs: number; readonly limit: number },
): Promise<readonly DueOrder[]> {
  const rows = await db.all<{ id: string; correlationId: string; isBegun: number; isUntried: number }>(sql`
    SELECT id, correlation_id AS correlationId, payment_status <> 'NONE' AS isBegun,
      payment_due_at < created_at + ${paymentWindowMs} AND NOT ${inJson(sql`payment_status`, TRIED)} AS isUntried
    FROM orders WHERE status = 'PENDING' AND payment_due_at <= ${now} AND ${inJson(sql`payment_status`, PAYABLE)}
    ORDER BY end_tried_at, payment_due_at LIMIT ${limit}`);
  return rows.map((row) => ({ ...row, isBegun: row.isBegun === 1, isUntried: row.isUntried === 1 }));
}

/** A payment method was tried: the orders get the whole window, from when they were made. */
export async function extendWindow(
  db: Database,
  ids: readonly string[],
  { now, paymentWindowMs }: { readonly now: number; readonly paymentWindowMs: number },
): Promise<void> {
  await commit(db, [
    sql`UPDATE orders SET payment_due_at = created_at + ${paymentWindowMs}, version = version + 1, updated_at = ${now}
      WHERE ${inJson(sql`id`, ids)} AND status = 'PENDING' AND payment_due_at < created_at + ${paymentWindowMs}`,
  ]);
}

/** Puts orders that could not be ended now behind all others. */
export async function postpone(db: Database, ids: readonly string[], now: number): Promise<void> {
  await commit(db, [sql`UPDATE orders SET end_tried_at = ${now} WHERE ${inJson(sql`id`, ids)} AND status = 'PENDING'`]);
}
