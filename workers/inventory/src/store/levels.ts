// Reads of the level projection, at most a second behind the objects. What a product's availability is follows from its figures
// and the threshold of today; the stored `availability` is only what the catalog was last told.
import { and, asc, eq, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { inJson } from "#shared/database";
import type { Level, PublicLevel } from "#shared/contracts/inventory";
import { availabilityOf } from "../domain/stock.ts";
import { stockLevels } from "../schema.ts";
import type { StoreDeps } from "./deps.ts";

type Row = typeof stockLevels.$inferSelect;

function renderLevel(row: Row, defaultThreshold: number): Level {
  const { productId, onHand, reserved, available } = row;
  const lowStockThreshold = row.lowStockThreshold ?? defaultThreshold;
  return {
    productId,
    available,
    status: availabilityOf(available, lowStockThreshold),
    onHand,
    reserved,
    lowStockThreshold,
  };
}

/** Availability of those of the products that have a level. */
export async function readAvailabilities(deps: StoreDeps, productIds: readonly string[]): Promise<PublicLevel[]> {
  const rows = await deps.db.select().from(stockLevels).where(inJson(stockLevels.productId, productIds));
  return rows.map((row) => {
    const { productId, available, status } = renderLevel(row, deps.lowStockThreshold);
    return { productId, available, status };
  });
}

/** One more row than `limit`, lowest first, after the key of the last row seen. `vendorId` limits it to a vendor's products. */
export async function readLowStock(
  deps: StoreDeps,
  {
    vendorId,
    after,
    limit,
  }: { vendorId: string | undefined; after: readonly (string | number)[] | undefined; limit: number },
): Promise<Level[]> {
  const conditions: (SQL | undefined)[] = [
    // The threshold is each row's own, so no index on `available` could answer this; the table has one row a product.
    sql`${stockLevels.available} <= coalesce(${stockLevels.lowStockThreshold}, ${deps.lowStockThreshold})`,
    vendorId === undefined ? undefined : eq(stockLevels.vendorId, vendorId),
    after && sql`(${stockLevels.available}, ${stockLevels.productId}) > (${after[0] ?? 0}, ${after[1] ?? ""})`,
  ];
  const rows = await deps.db
    .select()
    .from(stockLevels)
    .where(and(...conditions))
    .orderBy(asc(stockLevels.available), asc(stockLevels.productId))
    .limit(limit + 1);
  return rows.map((row) => renderLevel(row, deps.lowStockThreshold));
}
