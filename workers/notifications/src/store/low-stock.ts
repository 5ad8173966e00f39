// Products with low stock that wait for the next digest to the admins.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { mustChange, readAll } from "#shared/database";
import type { Commit } from "#shared/database";
import type { EventEnvelope } from "#shared/events/envelope";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { DIGEST_PRODUCTS } from "../constants.ts";
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
  const [products, [digest]] = await readAll<[LowStockRow, { madeAt: number }]>(deps.db, [
    sql`SELECT product_id AS productId, sku, name, available, threshold, reported_at AS reportedAt FROM low_stock
      ORDER BY product_id LIMIT ${DIGEST_PRODUCTS}`,
    sql`SELECT made_at AS madeAt FROM digests WHERE kind = 'low_stock'`,
  ]);
  return { products, madeAt: digest?.madeAt ?? 0 };
}

/**
 * Writes the digest's notification and deletes its products in one commit. A product that has been reported again stays for the next
 * digest. @throws StaleWrite when another sweep has made a digest.
 */
export async function writeDigest(
  deps: Deps,
  { products, madeAt }: PendingLowStock,
  insert: SQL,
): Promise<Commit["results"][number] | undefined> {
  const reported = products.map(({ productId, reportedAt }) => ({ productId, reportedAt }));
  const { results } = await save(deps, [
    sql`UPDATE digests SET made_at = max(${deps.now()}, made_at + 1) WHERE kind = 'low_stock' AND made_at = ${madeAt}`,
    mustChange(),
    sql`DELETE FROM low_stock WHERE EXISTS (SELECT 1 FROM json_each(${JSON.stringify(reported)}) AS reported
      WHERE reported.value ->> 'productId' = product_id AND reported.value ->> 'reportedAt' = reported_at)`,
    insert,
  ]);
  return results.at(-1);
}
