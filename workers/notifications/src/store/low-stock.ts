// Products with low stock that wait for the next digest to the admins.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { mustChange, readAll } from "#shared/database";
import { select } from "#shared/statement";
import type { Query } from "#shared/statement";
import type { EventEnvelope } from "#shared/events/envelope";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { DIGEST_PRODUCTS } from "../constants.ts";
import { lowStock } from "../schema.ts";
import type { LowStockRow } from "../schema.ts";

/** Stores the latest report of a product. */
export function recordLowStock({ data, time }: EventEnvelope<"STOCK_LOW">): SQL {
  const { productId, sku, name, available, threshold } = data;
  return sql`INSERT INTO low_stock (product_id, sku, name, available, threshold, reported_at)
    VALUES (${productId}, ${sku}, ${name}, ${available}, ${threshold}, ${Date.parse(time)})
    ON CONFLICT (product_id) DO UPDATE SET sku = excluded.sku, name = excluded.name, available = excluded.available,
      threshold = excluded.threshold, reported_at = excluded.reported_at
    WHERE excluded.reported_at >= low_stock.reported_at`;
}

export interface PendingLowStock {
  readonly products: readonly LowStockRow[];
  /** When the last digest was made, in milliseconds since the epoch; 0 before the first. */
  readonly madeAt: number;
}

export async function pendingLowStock(deps: Deps): Promise<PendingLowStock> {
  const { products, digests } = await readAll(deps.db, {
    products: select(getTableColumns(lowStock), sql`FROM low_stock ORDER BY product_id LIMIT ${DIGEST_PRODUCTS}`),
    digests: select({ madeAt: sql<number>`made_at` }, sql`FROM digests WHERE kind = 'low_stock'`),
  });
  return { products, madeAt: digests[0]?.madeAt ?? 0 };
}

/**
 * Writes the digest's notification and deletes its products in one commit. A product that has been reported again stays for the next
 * digest. @throws StaleWrite when another sweep has made a digest.
 */
export async function writeDigest<Row>(
  deps: Deps,
  { products, madeAt }: PendingLowStock,
  insert: Query<Row>,
): Promise<readonly Row[]> {
  const reported = products.map(({ productId, reportedAt }) => ({ productId, reportedAt }));
  const { inserted } = await save(deps, {
    digest: sql`UPDATE digests SET made_at = max(${deps.now()}, made_at + 1) WHERE kind = 'low_stock' AND made_at = ${madeAt}`,
    unchanged: mustChange(),
    products: sql`DELETE FROM low_stock WHERE EXISTS (SELECT 1 FROM json_each(${JSON.stringify(reported)}) AS reported
      WHERE reported.value ->> 'productId' = product_id AND reported.value ->> 'reportedAt' = reported_at)`,
    inserted: insert,
  });
  return inserted.rows;
}
