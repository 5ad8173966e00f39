// Lists of levels from D1, at most a second behind the objects. A product's status is computed from `available` and `threshold`;
// the column `availability` is the one last published.
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

/** Products without a level are left out. */
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

/** `available` is the column, or an expression that keeps SQLite from using its index. */
function inStatus(status: LevelStatus, available: SQL): SQL {
  if (status === "in_stock") return sql`${available} > threshold`;
  const scarce = sql`${available} <= threshold`;
  if (status === "scarce") return scarce;
  return status === "out_of_stock" ? sql`${scarce} AND ${available} = 0` : sql`${scarce} AND ${available} > 0`;
}

function conditionsOf({ status, sku, vendorId }: LevelFilter): SQL[] {
  // A SKU names one row. The plus keeps SQLite from choosing the index of another condition.
  const [available, vendor] = sku === undefined ? [sql`available`, sql`vendor_id`] : [sql`+available`, sql`+vendor_id`];
  return [
    ...(sku === undefined ? [] : [sql`sku = ${sku}`]),
    ...(vendorId === undefined ? [] : [sql`${vendor} = ${vendorId}`]),
    ...(status === undefined ? [] : [inStatus(status, available)]),
  ];
}

/** Selects `limit + 1` rows after the key `after` of the previous page's last row. */
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
