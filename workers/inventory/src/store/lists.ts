// Lists of levels and of the ledger from D1, at most a second behind the objects. A product's status is computed from `available`
// and `threshold`; the column `availability` is the one last published.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { ListedLevel, PublicLevel, Transaction } from "#shared/contracts/inventory";
import { inJson, select } from "#shared/statement";
import type { Query } from "#shared/statement";
import type { Deps } from "#shared/deps";
import type { Availability } from "#shared/events/catalogue";
import type { NumberThenId } from "#shared/paging";
import { availabilityOf } from "../domain/stock.ts";
import { ledger, stockLevels } from "../schema.ts";

const { productId, sku, name, vendorId, onHand, reserved, available, threshold } = stockLevels;
const LISTED = { productId, sku, name, vendorId, onHand, reserved, available, threshold };

type ListedRow = Pick<typeof stockLevels.$inferSelect, keyof typeof LISTED>;

function where(conditions: readonly (SQL | false | undefined)[]): SQL {
  const present = conditions.filter((condition) => condition !== undefined && condition !== false);
  return present.length === 0 ? sql`` : sql`WHERE ${sql.join(present, sql` AND `)}`;
}

/** Products without a level are left out. */
export async function readAvailabilities(deps: Deps, productIds: readonly string[]): Promise<PublicLevel[]> {
  const fields = { productId, available, threshold };
  const rows = await deps.db.all(select(fields, sql`FROM stock_levels WHERE ${inJson(productId, productIds)}`));
  return rows.map((row) => ({
    productId: row.productId,
    available: row.available,
    status: availabilityOf(row.available, row.threshold),
  }));
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

/** `column` is `available`, or an expression that keeps SQLite from using its index. */
function inStatus(status: LevelStatus, column: SQL): SQL {
  if (status === "in_stock") return sql`${column} > threshold`;
  const scarce = sql`${column} <= threshold`;
  if (status === "scarce") return scarce;
  return status === "out_of_stock" ? sql`${scarce} AND ${column} = 0` : sql`${scarce} AND ${column} > 0`;
}

/** Of the previous page's last row: what the list is sorted by. */
export type LevelKey = NumberThenId | [productId: string];

/** Selects up to `limit` levels after the key `after`. */
export function levelsQuery(filter: LevelFilter, after: LevelKey | undefined, limit: number): Query<ListedRow> {
  const key = byEmptiness(filter) ? sql`available, product_id` : sql`product_id`;
  // A SKU names one row. The plus keeps SQLite from choosing the index of another condition.
  const unindexed = filter.sku === undefined ? sql`` : sql`+`;
  const conditions = [
    filter.sku !== undefined && sql`sku = ${filter.sku}`,
    filter.vendorId !== undefined && sql`${unindexed}vendor_id = ${filter.vendorId}`,
    filter.status !== undefined && inStatus(filter.status, sql`${unindexed}available`),
    after !== undefined &&
      sql`(${key}) > (${sql.join(
        after.map((part) => sql`${part}`),
        sql`, `,
      )})`,
  ];
  return select(LISTED, sql`FROM stock_levels ${where(conditions)} ORDER BY ${key} LIMIT ${limit}`);
}

export async function readLevels(
  deps: Deps,
  filter: LevelFilter,
  after: LevelKey | undefined,
  limit: number,
): Promise<ListedLevel[]> {
  const rows = await deps.db.all(levelsQuery(filter, after, limit));
  return rows.map(({ threshold: lowStockThreshold, ...row }) => ({
    ...row,
    status: availabilityOf(row.available, lowStockThreshold),
    lowStockThreshold,
  }));
}

export interface LedgerFilter {
  readonly productId: string | undefined;
  readonly type: Transaction["type"] | undefined;
  /** Only entries of this vendor's products. */
  readonly vendorId: string | undefined;
}

export type LedgerEntry = typeof ledger.$inferSelect;

/** Reads up to `limit` entries after the key `after`, newest first. */
export async function readLedger(
  deps: Deps,
  filter: LedgerFilter,
  after: NumberThenId | undefined,
  limit: number,
): Promise<LedgerEntry[]> {
  const ofVendor = sql`product_id IN (SELECT product_id FROM stock_levels WHERE vendor_id = ${filter.vendorId})`;
  const conditions = [
    filter.productId !== undefined && sql`product_id = ${filter.productId}`,
    filter.type !== undefined && sql`type = ${filter.type}`,
    // For ledger_adjustments. A product has few entries, which its own index finds.
    filter.type !== undefined && filter.type !== "sale" && filter.productId === undefined && sql`type <> 'sale'`,
    filter.vendorId !== undefined && ofVendor,
    after !== undefined && sql`(created_at, id) < (${after[0]}, ${after[1]})`,
  ];
  const rest = sql`FROM ledger ${where(conditions)} ORDER BY created_at DESC, id DESC LIMIT ${limit}`;
  return await deps.db.all(select(getTableColumns(ledger), rest));
}
