// The orders that must not be paid any more.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Query } from "#shared/statement";

/** Closes an order, so that it can never be paid again. */
export function closeOrder(orderId: string, reason: string, now: number): SQL {
  return sql`INSERT INTO closed_orders (order_id, reason, closed_at) VALUES (${orderId}, ${reason}, ${now})
    ON CONFLICT DO NOTHING`;
}

/** Closes an order unless a payment of it is open or paid. */
export function closeOrderWithoutPayment(orderId: string, reason: string, now: number): SQL {
  return sql`INSERT INTO closed_orders (order_id, reason, closed_at) SELECT ${orderId}, ${reason}, ${now}
    WHERE NOT EXISTS (SELECT 1 FROM payments WHERE order_id = ${orderId} AND status NOT IN ('VOIDED', 'REFUNDED'))
    ON CONFLICT DO NOTHING`;
}

/** A row if the order is closed. */
export function closedOrder(orderId: string): Query<{ readonly reason: string }> {
  return select({ reason: sql<string>`reason` }, sql`FROM closed_orders WHERE order_id = ${orderId}`);
}
