// Metrics of inventory. The table of levels has one row a product and is read whole; units reserved come from it, because the
// table of reservations grows with every order of a month.
import { sql } from "drizzle-orm";
import type { InventoryOverview } from "#shared/contracts/inventory";
import { select } from "#shared/database";
import { countOpenDeadLetters } from "#shared/dead-letters";
import type { Outcome } from "#shared/errors";
import { Availability } from "#shared/events/catalogue";
import type { MetricQuery } from "#shared/metrics";
import { ok } from "#shared/result";
import type { InventoryDeps } from "./deps.ts";

/** Products by availability. */
const PRODUCTS_BY_AVAILABILITY = select(
  { availability: sql<Availability>`availability`, value: sql<number>`sum(counted)` },
  sql`FROM (
      SELECT value AS availability, 0 AS counted FROM json_each(${JSON.stringify(Availability.options)}) UNION ALL
      SELECT CASE WHEN available <= 0 THEN 'out_of_stock' WHEN available <= threshold THEN 'low_stock'
        ELSE 'in_stock' END, 1 FROM stock_levels)
    GROUP BY availability`,
);

export async function overview(deps: InventoryDeps): Promise<Outcome<InventoryOverview>> {
  const [openDeadLetters, rows] = await Promise.all([
    countOpenDeadLetters(deps),
    deps.db.all(PRODUCTS_BY_AVAILABILITY),
  ]);
  const products = new Map(rows.map(({ availability, value }) => [availability, value]));
  return ok({
    openDeadLetters,
    lowStock: products.get("low_stock") ?? 0,
    outOfStock: products.get("out_of_stock") ?? 0,
  });
}

export function metrics(deps: InventoryDeps): readonly MetricQuery[] {
  return [
    {
      name: "tradepost_stock_products",
      help: "Products by what is available of them; low is at or under the threshold.",
      rows: PRODUCTS_BY_AVAILABILITY.getSQL(),
    },
    {
      name: "tradepost_stock_units",
      help: "Units on hand, and of them held or reserved, and available; unproven: reserved by buyers without proof and unpaid.",
      rows: sql`SELECT 'on_hand' AS state, coalesce(sum(on_hand), 0) AS value FROM stock_levels
        UNION ALL SELECT 'reserved', coalesce(sum(reserved), 0) FROM stock_levels
        UNION ALL SELECT 'available', coalesce(sum(available), 0) FROM stock_levels
        UNION ALL SELECT 'unproven', coalesce(sum(quantity), 0) FROM reservations
          WHERE counted = 1 AND state IN ('held', 'reserved')`,
    },
    {
      name: "tradepost_holds",
      help: "Lines of stock held for an order that is being placed; live ones and ones that have run out unnoticed.",
      rows: sql`SELECT iif(expires_at > ${deps.now()}, 'live', 'expired') AS state, count(*) AS value FROM reservations
        WHERE state = 'held' GROUP BY 1`,
    },
  ];
}
