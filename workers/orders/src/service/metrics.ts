// The metrics of orders and carts. Orders that are open, unpaid or unsettled have partial indexes. Those that ended grow for ever, so
// triggers keep how many they are.
import { sql } from "drizzle-orm";
import { OrderStatus } from "#shared/contracts/orders";
import type { OrdersOverview } from "#shared/contracts/orders-staff";
import { select } from "#shared/statement";
import { countOpenDeadLetters } from "#shared/dead-letters";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import type { MetricQuery } from "#shared/metrics";
import type { Deps } from "#shared/deps";
import { PAYMENT_OVERDUE } from "../domain/order.ts";
import { IS_PENDING, conditionSql } from "../store/conditions.ts";

/** Every status, also one without orders: a metric of 0 differs from one that is missing. */
const STATUSES = sql`SELECT value AS status, 0 AS counted FROM json_each(${JSON.stringify(OrderStatus.options)})`;

const ORDERS_BY_STATUS = select(
  { status: sql<OrderStatus>`status`, value: sql<number>`sum(counted)` },
  sql`FROM (${STATUSES} UNION ALL SELECT status, count FROM ended_orders
      UNION ALL SELECT 'PENDING', count(*) FROM orders WHERE ${IS_PENDING}
      UNION ALL SELECT status, count(*) FROM orders WHERE status IN ('CONFIRMED', 'PROCESSING', 'SHIPPED') GROUP BY status)
    GROUP BY status`,
);

export async function overview(deps: Deps): Promise<Outcome<OrdersOverview>> {
  const [openDeadLetters, rows] = await Promise.all([countOpenDeadLetters(deps), deps.db.all(ORDERS_BY_STATUS)]);
  const counts = Object.fromEntries(rows.map(({ status, value }) => [status, value]));
  // The query has a row for each status.
  return ok({ openDeadLetters, ordersByStatus: counts as Record<OrderStatus, number> });
}

export function metrics(deps: Deps): readonly MetricQuery[] {
  return [
    {
      name: "tradepost_orders",
      help: "Orders by status.",
      rows: ORDERS_BY_STATUS.getSQL(),
    },
    {
      name: "tradepost_orders_pending",
      help: "Orders that wait for money or stock, of any age.",
      rows: sql`SELECT count(*) AS value FROM orders WHERE ${IS_PENDING}`,
    },
    {
      name: "tradepost_orders_open_unpaid",
      help: "Orders without authorized money, which the caps count, by buyer.",
      rows: sql`SELECT buyer, sum(counted) AS value FROM (SELECT 'guest' AS buyer, 0 AS counted UNION ALL SELECT 'account', 0
          UNION ALL SELECT iif(buyer LIKE 'guest:%', 'guest', 'account'), 1 FROM orders
            WHERE ${IS_PENDING} AND open_unpaid = 1)
        GROUP BY buyer`,
    },
    {
      name: "tradepost_orders_overdue_seconds",
      help: "For how long the order that should have ended first is past its payment window.",
      rows: sql`SELECT coalesce((${deps.now()} - min(payment_due_at)) / 1000, 0) AS value FROM orders
        WHERE ${IS_PENDING} AND ${conditionSql(PAYMENT_OVERDUE, deps.now())}`,
    },
    {
      name: "tradepost_orders_unsettled",
      help: "Ended or shipped orders whose stock or money has not followed yet.",
      rows: sql`SELECT count(*) AS value FROM orders WHERE unsettled = 1`,
    },
    {
      name: "tradepost_carts_open",
      help: "Carts with lines.",
      rows: sql`SELECT count(*) AS value FROM carts`,
    },
  ];
}
