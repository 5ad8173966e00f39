// Reads of the level projection, at most a second behind the objects. A product's availability follows from its row: what is
// available and the threshold that counts for it. The stored `availability` is only what the catalog was last told.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { inJson } from "#shared/database";
import type { Deps } from "#shared/deps";
import type { ListedLevel, PublicLevel } from "#shared/contracts/inventory";
import type { Availability } from "#shared/events/catalogue";
import { availabilityOf } from "../domain/stock.ts";
import { stockLevels } from "../schema.ts";

type Row = Pick<
  typeof stockLevels.$inferSelect,
  "productId" | "sku" | "name" | "vendorId" | "onHand" | "reserved" | "available" | "threshold"
>;

function renderLevel({ productId, sku, name, vendorId, onHand, reserved, available, threshold }: Row): ListedLevel {
  const status = availabilityOf(available, threshold);
  return { productId, sku, name, vendorId, available, status, onHand, reserved, lowStockThreshold: threshold };
}

/** Availability of those of the products that have a level. */
export async function readAvailabilities(deps: Deps, productIds: readonly string[]): Promise<PublicLevel[]> {
  const rows = await deps.db.select().from(stockLevels).where(inJson(stockLevels.productId, productIds));
  return rows.map((row) => {
    const { productId, available, status } = renderLevel(row);
    return { productId, available, status };
  });
}

/** `scarce` is low or out of stock. */
export type LevelStatus = Availability | "scarce";

export interface LevelFilter {
  readonly status: LevelStatus | undefined;
  readonly sku: string | undefined;
  readonly vendorId: string | undefined;
}

/** The low ones are listed emptiest first, all others by id. */
export function byEmptiness({ status }: LevelFilter): boolean {
  return status === "low_stock" || status === "scarce";
}

/** `available` is the column, or an expression of it that keeps SQLite from using its indexes. */
function inStatus(status: LevelStatus, available: SQL): SQL {
  if (status === "in_stock") return sql`${available} > threshold`;
  const scarce = sql`${available} <= threshold`;
  if (status === "scarce") return scarce;
  return status === "out_of_stock" ? sql`${scarce} AND ${available} = 0` : sql`${scarce} AND ${available} > 0`;
}

function conditionsOf({ status, sku, vendorId }: LevelFilter): SQL[] {
  // A SKU names one row: with a plus before their columns, the other conditions only look at that one.
  const [available, vendor] = sku === undefined ? [sql`available`, sql`vendor_id`] : [sql`+available`, sql`+vendor_id`];
  return [
    ...(sku === undefined ? [] : [sql`sku = ${sku}`]),
    ...(vendorId === undefined ? [] : [sql`${vendor} = ${vendorId}`]),
    ...(status === undefined ? [] : [inStatus(status, available)]),
  ];
}

/** One more row than `limit`, after the key of the last row seen: its id, before it what is available where that is the order. */
export function levelsStatement(
  filter: LevelFilter,
  after: readonly (string | number)[] | undefined,
  limit: number,
): SQL {
  const key = byEmptiness(filter) ? sql`available, product_id` : sql`product_id`;
  const seen = after?.map((part) => sql`${part}`) ?? [];
  const conditions = [
    ...conditionsOf(filter),
    ...(seen.length === 0 ? [] : [sql`(${key}) > (${sql.join(seen, sql`, `)})`]),
  ];
  const where = conditions.length === 0 ? sql`` : sql`WHERE ${sql.join(conditions, sql` AND `)}`;
  return sql`SELECT product_id AS productId, sku, name, vendor_id AS vendorId, on_hand AS onHand, reserved, available, threshold
    FROM stock_levels ${where} ORDER BY ${key} LIMIT ${limit + 1}`;
}

export async function readLevels(
  deps: Deps,
  filter: LevelFilter,
  after: readonly (string | number)[] | undefined,
  limit: number,
): Promise<ListedLevel[]> {
  return (await deps.db.all<Row>(levelsStatement(filter, after, limit))).map(renderLevel);
}
