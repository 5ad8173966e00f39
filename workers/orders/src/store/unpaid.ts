// Orders whose payment window is over without authorized money.
import { sql } from "drizzle-orm";
import { commit } from "#shared/database";
import { inJson, select } from "#shared/statement";
import type { Database } from "#shared/database";
import { PAYMENT_OVERDUE, TRIED } from "../domain/order.ts";
import { orders } from "../schema.ts";
import { IS_PENDING, conditionSql } from "./conditions.ts";

export interface DueOrder {
  readonly id: string;
  readonly correlationId: string;
  /** Whether a payment has begun. Closing it has to wait for Stripe. */
  readonly isBegun: boolean;
  /** Whether only the shorter window for orders without a tried payment method is over. */
  readonly isUntried: boolean;
}

/** Oldest first; orders that could not be cancelled before come last. The index of pending orders finds them. */
export async function dueOrders(
  db: Database,
  { now, paymentWindowMs, limit }: { readonly now: number; readonly paymentWindowMs: number; readonly limit: number },
): Promise<readonly DueOrder[]> {
  const fields = {
    id: orders.id,
    correlationId: orders.correlationId,
    isBegun: sql<number>`payment_status <> 'NONE'`,
    isUntried: sql<number>`payment_due_at < created_at + ${paymentWindowMs} AND NOT ${conditionSql({ paymentStatus: TRIED }, now)}`,
  };
  const due = sql`FROM orders WHERE ${IS_PENDING} AND ${conditionSql(PAYMENT_OVERDUE, now)} ORDER BY end_tried_at, payment_due_at LIMIT ${limit}`;
  const rows = await db.all(select(fields, due));
  return rows.map((row) => ({ ...row, isBegun: row.isBegun === 1, isUntried: row.isUntried === 1 }));
}

/** Gives orders whose payment method was tried the whole window, from when they were made. */
export async function extendWindow(
  db: Database,
  ids: readonly string[],
  { now, paymentWindowMs }: { readonly now: number; readonly paymentWindowMs: number },
): Promise<void> {
  await commit(db, {
    extended: sql`UPDATE orders SET payment_due_at = created_at + ${paymentWindowMs}, version = version + 1, updated_at = ${now}
      WHERE ${inJson(sql`id`, ids)} AND status = 'PENDING' AND payment_due_at < created_at + ${paymentWindowMs}`,
  });
}

/** Puts orders that could not be cancelled now behind all others. */
export async function postpone(db: Database, ids: readonly string[], now: number): Promise<void> {
  await commit(db, {
    postponed: sql`UPDATE orders SET end_tried_at = ${now} WHERE ${inJson(sql`id`, ids)} AND status = 'PENDING'`,
  });
}
