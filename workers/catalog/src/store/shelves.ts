// The shelves of the public list: a category with all below it, or all categories, together with a brand, or all brands. Triggers
// place each active product on its shelves and count it there (migrations/product). Every read here is bounded.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { readAll } from "#shared/database";
import { inJson, select } from "#shared/statement";
import type { Database } from "#shared/database";
import { SCANNED_PRODUCTS, SMALL_LIST } from "../constants.ts";
import type { After, ListingPlan, Sort } from "../domain/listing.ts";
import type { Stream } from "../domain/streams.ts";
import { brands, categories } from "../schema.ts";

/** Rows that a statement walks, each with its `value`. */
export interface Source {
  readonly rows: SQL;
  /** How many at most. */
  readonly count: number;
}

/** Ids of shelves that share no product. */
export interface ShelfSet extends Source {
  /** Whether they hold no more than SMALL_LIST products together. */
  readonly isSmall: SQL;
}

/** Statements for the ids that a list's filters name; undefined: not filtered. */
export interface NamedFilters {
  readonly categories: SQL | undefined;
  readonly brands: SQL | undefined;
}

/** What a list's filters by category and brand stand for. */
export interface Shelves {
  /** The shelves of the chosen categories and brands. */
  readonly chosen: ShelfSet;
  /** The same of all brands, for the facet of brands. */
  readonly ofAllBrands: ShelfSet;
  /** The same of all categories, for the facet of categories. */
  readonly ofAllCategories: ShelfSet;
  /** Ids of the chosen categories, none below another; '' is all. */
  readonly categories: Source;
  readonly brands: Source;
}

/** By ids or slugs. Ids have an underscore and slugs none, so that no text matches two rows. */
function idsNamed(table: SQL, values: readonly string[] | undefined): SQL | undefined {
  if (values === undefined) return undefined;
  const [value] = values;
  if (value !== undefined && values.length === 1) {
    return sql`SELECT id FROM ${table} WHERE ${value.includes("_") ? sql`id` : sql`slug`} = ${value}`;
  }
  return sql`SELECT id FROM ${table} WHERE ${inJson(sql`id`, values)} UNION SELECT id FROM ${table} WHERE ${inJson(sql`slug`, values)}`;
}

export function namedFilters({ category, brand }: Pick<ListingPlan, "category" | "brand">): NamedFilters {
  return { categories: idsNamed(sql`categories`, category), brands: idsNamed(sql`brands`, brand) };
}

/** Leaves out what is below another: its products are found there. */
function topmost(rows: readonly { readonly id: string; readonly idPath: string }[]): string[] {
  return rows
    .filter(({ idPath }) => rows.every((other) => other.idPath === idPath || !idPath.startsWith(other.idPath)))
    .map(({ id }) => id);
}

/** These values. */
function listed(values: readonly (string | number)[]): Source {
  return { rows: sql`json_each(${JSON.stringify(values)})`, count: values.length };
}

const ALL = sql`SELECT '' AS id`;

function shelfOf(category: SQL, brand: SQL): ShelfSet {
  const shelf = sql`FROM shelves WHERE category_id = (${category}) AND brand_id = (${brand})`;
  return {
    rows: sql`(SELECT shelf_id AS value ${shelf})`,
    count: 1,
    isSmall: sql`(SELECT products <= ${SMALL_LIST} ${shelf})`,
  };
}

/** The shelves of at most one category and one brand, which each statement looks up itself. */
function oneShelf({ categories: category = ALL, brands: brand = ALL }: NamedFilters): Shelves {
  return {
    chosen: shelfOf(category, brand),
    ofAllBrands: shelfOf(category, ALL),
    ofAllCategories: shelfOf(ALL, brand),
    categories: { rows: sql`(SELECT id AS value FROM (${category}))`, count: 1 },
    brands: { rows: sql`(SELECT id AS value FROM (${brand}))`, count: 1 },
  };
}

/** Finds the shelves of a list's filters by category and brand. An unknown name is no shelf. */
export async function findShelves(db: Database, plan: Pick<ListingPlan, "category" | "brand">): Promise<Shelves> {
  const { category, brand } = plan;
  const named = namedFilters(plan);
  if ((category ?? [""]).length === 1 && (brand ?? [""]).length === 1) return oneShelf(named);
  const { categories: ofCategories = ALL, brands: ofBrands = ALL } = named;
  const rows = await readAll(db, {
    categories: select(
      { id: categories.id, idPath: categories.idPath },
      sql`FROM categories WHERE categories.id IN (${ofCategories})`,
    ),
    brands: select({ id: brands.id }, sql`FROM brands WHERE brands.id IN (${ofBrands})`),
    shelves: select(
      {
        id: sql<number>`shelf_id`,
        category: sql<string>`category_id`,
        brand: sql<string>`brand_id`,
        products: sql<number>`products`,
      },
      sql`FROM shelves WHERE category_id IN (SELECT '' UNION ALL SELECT * FROM (${ofCategories}))
        AND brand_id IN (SELECT '' UNION ALL SELECT * FROM (${ofBrands}))`,
    ),
  });
  const ofCategory = category === undefined ? [""] : topmost(rows.categories);
  const ofBrand = brand === undefined ? [""] : rows.brands.map(({ id }) => id);
  const shelvesOf = (wanted: readonly string[], of: readonly string[]): ShelfSet => {
    const shelves = rows.shelves.filter((shelf) => wanted.includes(shelf.category) && of.includes(shelf.brand));
    const products = shelves.reduce((sum, shelf) => sum + shelf.products, 0);
    return { ...listed(shelves.map(({ id }) => id)), isSmall: products <= SMALL_LIST ? sql`true` : sql`false` };
  };
  return {
    chosen: shelvesOf(ofCategory, ofBrand),
    ofAllBrands: shelvesOf(ofCategory, [""]),
    ofAllCategories: shelvesOf([""], ofBrand),
    categories: listed(ofCategory),
    brands: listed(ofBrand),
  };
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
export function windowOf(reads: number, rows: number): number {
  return Math.max(1, Math.floor(rows / Math.max(1, reads)) - 2);
}

/** How many products of each shelf are read where no index serves a filter: all of a small set, a share of a large one. */
export function scannedOf({ isSmall, count }: ShelfSet, { share = SCANNED_PRODUCTS } = {}): SQL {
  return sql`iif(${isSmall}, ${SMALL_LIST}, ${windowOf(count, share)})`;
}

/** What was read of each row of a source, as JSON: the window, and up to one more than it. */
export type Windows<T> = readonly (readonly [window: number, read: readonly T[]])[];

/** Reads a window for each row of a source, and one row more, as JSON of `Windows`. `read` gives JSON in the columns of `from`. */
export function windowsOf(source: SQL, window: SQL | number, read: SQL, from: SQL): SQL<string> {
  return sql<string>`(SELECT json_group_array(json_array(${window}, json((
    SELECT json_group_array(${read}) FROM (${from} LIMIT ${window} + 1))))) FROM ${source} source)`;
}

/** Parses JSON that a statement of this Worker has made. */
export function parsed<T>(json: string): T {
  return JSON.parse(json) as T;
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
}

/** Rows behind the place where a page begins. */
function past({ list, after }: Pick<StreamRead, "list" | "after">): SQL[] {
  if (after.kind !== "key") return [];
  const { column, descending } = SHELF_ORDER[list];
  return [sql`(${column}, i.id) ${descending ? sql`<` : sql`>`} (${after.value}, ${after.id})`];
}

/** The search ids, as `value`, that a stream of one shelf begins with when it is read in the order of the list. */
export function startOf(shelf: Source, read: Pick<StreamRead, "list" | "after">, limit: number): SQL {
  const { column, direction } = SHELF_ORDER[read.list];
  const within = [sql`i.shelf_id = (SELECT value FROM ${shelf.rows})`, ...past(read)];
  return sql`(SELECT i.search_id AS value FROM shelf_products i WHERE ${allOf(within)}
    ORDER BY ${column} ${direction}, i.id ${direction} LIMIT ${limit})`;
}

/** The products of each shelf in the order of reading. Parse with `toStreams`. */
export function streamsOf(shelves: Source, window: SQL | number, read: StreamRead): SQL<string> {
  const { column, direction } = SHELF_ORDER[read.order];
  const byPrice = read.order === "price" || read.order === "-price";
  const inOrder = read.order === read.list;
  const prices = priceConditions(sql`i.price`, read.price);
  const within = [sql`i.shelf_id = source.value`, ...(byPrice ? prices : []), ...(inOrder ? past(read) : [])];
  const matches = [...(byPrice ? [] : prices), ...(inOrder ? [] : past(read)), ...(read.inStockOnly ? [IN_STOCK] : [])];
  const products = read.inStockOnly ? sql`CROSS JOIN products p ON p.search_id = i.search_id` : sql``;
  return windowsOf(
    shelves.rows,
    window,
    sql`json_array(search_id, id, value, matches)`,
    sql`SELECT i.search_id, i.id, ${SHELF_ORDER[read.list].column} AS value, ${allOf(matches)} AS matches
      FROM shelf_products i ${products} WHERE ${allOf(within)} ORDER BY ${column} ${direction}, i.id ${direction}`,
  );
}

export type StoredEntry = readonly [searchId: number, id: string, value: string | number, matches: number];

/** The streams of JSON of `Windows<StoredEntry>`. */
export function toStreams(json: string): Stream[] {
  return parsed<Windows<StoredEntry>>(json).map(([window, read]) => ({
    entries: read
      .slice(0, window)
      .map(([searchId, id, value, matches]) => ({ searchId, id, value, matches: matches === 1 })),
    more: read.length > window,
  }));
}
