// The shelves of the public list: a category with all below it, or all categories, together with a brand, or all brands. Triggers
// place each active product on its shelves and count it there (migrations/product). Every read here is bounded.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import * as z from "zod";
import { inJson, readAll, select } from "#shared/database";
import type { Database, Query } from "#shared/database";
import { SCANNED_PRODUCTS, SMALL_LIST } from "../constants.ts";
import type { After, ListingPlan, Sort } from "../domain/listing.ts";
import type { Stream } from "../domain/streams.ts";
import { brands, categories } from "../schema.ts";

/** Shelves that share no product. */
export interface ShelfSet {
  readonly ids: readonly number[];
  /** Active products on all of them. */
  readonly products: number;
}

/** What a list's filters by category and brand name. */
export interface NamedFilters {
  /** Ids of the chosen categories, none below another. Undefined: not filtered. */
  readonly categories: readonly string[] | undefined;
  readonly brands: readonly string[] | undefined;
}

/** What a list's filters by category and brand stand for. */
export interface Shelves extends NamedFilters {
  /** The shelves of the chosen categories and brands. */
  readonly chosen: ShelfSet;
  /** The same of all brands, for the facet of brands. */
  readonly ofAllBrands: ShelfSet;
  /** The same of all categories, for the facet of categories. */
  readonly ofAllCategories: ShelfSet;
}

/** By ids or slugs. Ids have an underscore and slugs none, so that no text matches two rows. */
function named(table: SQL, values: readonly string[]): SQL {
  return sql`(SELECT id FROM ${table} WHERE ${inJson(sql`id`, values)} UNION SELECT id FROM ${table} WHERE ${inJson(sql`slug`, values)})`;
}

/** Leaves out what is below another: its products are found there. */
function topmost(rows: readonly { readonly id: string; readonly idPath: string }[]): string[] {
  return rows
    .filter(({ idPath }) => rows.every((other) => other.idPath === idPath || !idPath.startsWith(other.idPath)))
    .map(({ id }) => id);
}

/** Finds the shelves of a list's filters by category and brand. An unknown name is no shelf. */
export async function readShelves(db: Database, plan: Pick<ListingPlan, "category" | "brand">): Promise<Shelves> {
  const { category, brand } = plan;
  const ofCategories = sql`SELECT '' UNION ALL SELECT * FROM ${named(sql`categories`, category ?? [])}`;
  const ofBrands = sql`SELECT '' UNION ALL SELECT * FROM ${named(sql`brands`, brand ?? [])}`;
  const rows = await readAll(db, {
    categories: select(
      { id: categories.id, idPath: categories.idPath },
      sql`FROM categories WHERE categories.id IN ${named(sql`categories`, category ?? [])}`,
    ),
    brands: select({ id: brands.id }, sql`FROM brands WHERE brands.id IN ${named(sql`brands`, brand ?? [])}`),
    shelves: select(
      {
        id: sql<number>`shelf_id`,
        category: sql<string>`category_id`,
        brand: sql<string>`brand_id`,
        products: sql<number>`products`,
      },
      sql`FROM shelves WHERE category_id IN (${ofCategories}) AND brand_id IN (${ofBrands})`,
    ),
  });
  const ofCategory = new Set(category === undefined ? [""] : topmost(rows.categories));
  const ofBrand = new Set(brand === undefined ? [""] : rows.brands.map(({ id }) => id));
  const all = new Set([""]);
  const shelvesOf = (wanted: ReadonlySet<string>, of: ReadonlySet<string>): ShelfSet => {
    const shelves = rows.shelves.filter((shelf) => wanted.has(shelf.category) && of.has(shelf.brand));
    return { ids: shelves.map(({ id }) => id), products: shelves.reduce((sum, { products }) => sum + products, 0) };
  };
  return {
    categories: category === undefined ? undefined : [...ofCategory],
    brands: brand === undefined ? undefined : [...ofBrand],
    chosen: shelvesOf(ofCategory, ofBrand),
    ofAllBrands: shelvesOf(ofCategory, all),
    ofAllCategories: shelvesOf(all, ofBrand),
  };
}

/** The same for a list that is read from no shelf. */
export async function readNamedFilters(
  db: Database,
  plan: Pick<ListingPlan, "category" | "brand">,
): Promise<NamedFilters> {
  const isFiltered = plan.category !== undefined || plan.brand !== undefined;
  return isFiltered ? await readShelves(db, plan) : { categories: undefined, brands: undefined };
}

/** The orders that shelves are kept in. */
export type ShelfOrder = Exclude<Sort, "relevance" | "changed">;

export const SHELF_ORDER: Readonly<
  Record<ShelfOrder, { readonly column: SQL; readonly direction: SQL; readonly descending: boolean }>
> = {
  newest: { column: sql`i.created_at`, direction: sql`DESC`, descending: true },
  price: { column: sql`i.price`, direction: sql`ASC`, descending: false },
  "-price": { column: sql`i.price`, direction: sql`DESC`, descending: true },
  name: { column: sql`i.name`, direction: sql`ASC`, descending: false },
};

export type PriceFilter = Pick<ListingPlan, "minPrice" | "maxPrice">;

export function priceConditions(column: SQL, { minPrice, maxPrice }: PriceFilter): SQL[] {
  return [
    ...(minPrice === undefined ? [] : [sql`${column} >= ${minPrice}`]),
    ...(maxPrice === undefined ? [] : [sql`${column} <= ${maxPrice}`]),
  ];
}

export function allOf(conditions: readonly SQL[]): SQL {
  return conditions.length === 0 ? sql`true` : sql.join([...conditions], sql` AND `);
}

export const IN_STOCK = sql`p.availability <> 'out_of_stock'`;

/**
 * How many rows each of several reads shows, when all together take this many. Each reads a row of its own, and one more to
 * see whether more follow.
 */
export function windowOf(reads: readonly unknown[], rows: number): number {
  return Math.max(1, Math.floor(rows / Math.max(1, reads.length)) - 2);
}

/** How many products of each shelf are read where no index serves a filter: all of a small set, a share of a large one. */
export function scannedOf({ ids, products }: ShelfSet, { share = SCANNED_PRODUCTS } = {}): number {
  return products <= SMALL_LIST ? SMALL_LIST : windowOf(ids, share);
}

export interface StreamRead {
  /** The order in which the streams are read. */
  readonly order: ShelfOrder;
  /** The order of the list: entries have its value. */
  readonly list: ShelfOrder;
  /** By the order of price this bounds what is read; by another order, and as the two that follow, which entries match. */
  readonly price: PriceFilter;
  readonly inStockOnly: boolean;
  /** By the order of the list this bounds what is read. */
  readonly after: After;
  /** Rows read of each shelf. */
  readonly window: number;
}

type StreamRow = { readonly entries: string };

/** Rows behind the place where a page begins. */
function past({ list, after }: StreamRead): SQL[] {
  if (after.kind !== "key") return [];
  const { column, descending } = SHELF_ORDER[list];
  return [sql`(${column}, i.id) ${descending ? sql`<` : sql`>`} (${after.value}, ${after.id})`];
}

/** One row for each shelf: its products in the order of reading, as JSON. */
export function streamsQuery(shelves: readonly number[], read: StreamRead): Query<StreamRow> {
  const { column, direction } = SHELF_ORDER[read.order];
  const byPrice = read.order === "price" || read.order === "-price";
  const inOrder = read.order === read.list;
  const prices = priceConditions(sql`i.price`, read.price);
  const within = [sql`i.shelf_id = shelf.value`, ...(byPrice ? prices : []), ...(inOrder ? past(read) : [])];
  const matches = [...(byPrice ? [] : prices), ...(inOrder ? [] : past(read)), ...(read.inStockOnly ? [IN_STOCK] : [])];
  const products = read.inStockOnly ? sql`CROSS JOIN products p ON p.search_id = i.search_id` : sql``;
  const entries = sql<string>`(SELECT json_group_array(json_array(search_id, id, value, matches)) FROM (
    SELECT i.search_id, i.id, ${SHELF_ORDER[read.list].column} AS value, ${allOf(matches)} AS matches
    FROM shelf_products i ${products} WHERE ${allOf(within)}
    ORDER BY ${column} ${direction}, i.id ${direction} LIMIT ${read.window + 1}))`;
  return select({ entries }, sql`FROM json_each(${JSON.stringify(shelves)}) shelf`);
}

const Entries = z.array(z.tuple([z.number(), z.string(), z.union([z.string(), z.number()]), z.number()]));

/** The stream of a JSON array of `[search_id, id, value, matches]`, of which one more than `window` was read. */
export function toStream(json: string, window: number): Stream {
  const read = Entries.parse(JSON.parse(json));
  return {
    entries: read
      .slice(0, window)
      .map(([searchId, id, value, matches]) => ({ searchId, id, value, matches: matches === 1 })),
    more: read.length > window,
  };
}

export function toStreams(rows: readonly StreamRow[], window: number): Stream[] {
  return rows.map(({ entries }) => toStream(entries, window));
}
