// Metrics of inventory. Triggers keep products and units on hand by availability, because there is a level for each product. What is
// reserved changes with every order, so a sweep adds it up once an hour.
import { sql } from "drizzle-orm";
import type { InventoryOverview } from "#shared/contracts/inventory";
import { select } from "#shared/statement";
import { countOpenDeadLetters } from "#shared/dead-letters";
import type { Outcome } from "#shared/errors";
import type { MetricQuery } from "#shared/metrics";
import { ok } from "#shared/result";
import { stockTotals } from "../schema.ts";
import type { InventoryDeps } from "./deps.ts";

const PRODUCTS_BY_AVAILABILITY = select(
  { availability: stockTotals.availability, value: sql<number>`products` },
  sql`FROM stock_totals`,
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
      help: "Units on hand; of them reserved and available as of the last full hour; unproven: reserved by buyers without proof and unpaid.",
      rows: sql`SELECT 'on_hand' AS state, sum(on_hand) AS value FROM stock_totals
        UNION ALL SELECT 'reserved', sum(reserved) FROM stock_totals
        UNION ALL SELECT 'available', max(0, sum(on_hand) - sum(reserved)) FROM stock_totals
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
