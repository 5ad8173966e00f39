// The pages of the public list. How many rows one reads depends on neither the shop nor the filters; test/bounded.test.ts counts them.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { readAll } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Query, RowOf } from "#shared/statement";
import { MERGED_ROWS, SCANNED_PRODUCTS, SCANNED_ROWS } from "../constants.ts";
import { passing } from "../domain/candidates.ts";
import type { CandidateSets } from "../domain/candidates.ts";
import type { Tallies } from "../domain/facets.ts";
import type { After, ListingPlan } from "../domain/listing.ts";
import type { ProductRow } from "../domain/product.ts";
import { mergeStreams } from "../domain/streams.ts";
import type { MergedPage } from "../domain/streams.ts";
import { NOTHING, NO_TALLIES, isKept, namesQuery, talliesOf, toTallies } from "./facets.ts";
import { PRODUCT_FIELDS, PRODUCT_JOINS, imagesJson, p, withImages } from "./products.ts";
import { below } from "./search.ts";
import {
  IN_STOCK,
  SHELF_ORDER,
  findShelves,
  namedFilters,
  parsed,
  scannedOf,
  startOf,
  streamsOf,
  toStreams,
  windowOf,
} from "./shelves.ts";
import type { ShelfOrder } from "./shelves.ts";

export interface ListingRead {
  readonly page: MergedPage;
  /** On the first page. */
  readonly tallies: Tallies | undefined;
  /** What was read along. */
  readonly shown: Shown;
}

/**
 * A page of a list without words. Its indexes serve category, brand and order. Stock, and prices in another order, are looked up for a
 * bounded number of products, so that such a page may be short. A price range with few products is sorted whole. Where one shelf is
 * shown as it stands, its products are read along.
 */
export async function readListing(
  db: Database,
  plan: ListingPlan & { readonly sort: ShelfOrder },
  after: After,
  limit: number,
): Promise<ListingRead> {
  const { sort, inStockOnly } = plan;
  const shelves = await findShelves(db, plan);
  const { chosen } = shelves;
  const isFirst = after.kind === "start";
  const sortsRange = (plan.minPrice ?? plan.maxPrice) !== undefined && sort !== "price" && sort !== "-price";
  // Stock costs a second row.
  const share = inStockOnly ? SCANNED_PRODUCTS : 2 * SCANNED_PRODUCTS;
  const scanned = scannedOf(chosen, { share });
  const window = sortsRange || inStockOnly ? scanned : sql`${Math.min(limit, windowOf(chosen.count, MERGED_ROWS))}`;
  const read = { list: sort, price: plan, inStockOnly, after };
  // Not of so many shelves that there is one row for each.
  const large = { rows: sql`(SELECT * FROM ${chosen.rows} WHERE NOT ${chosen.isSmall})`, count: chosen.count };
  const hasRange = sortsRange && windowOf(chosen.count, share) > 1;
  const listsQuery = select(
    {
      inOrder: streamsOf(chosen, window, { ...read, order: sort }),
      inRange: hasRange ? streamsOf(large, scanned, { ...read, order: "price" }) : NOTHING,
      ...(isFirst ? talliesOf(plan, shelves) : NO_TALLIES),
    },
    sql``,
  );
  const { lists, rows } =
    isKept(plan) && chosen.count === 1
      ? await readAll(db, { lists: listsQuery, rows: rowsQuery(startOf(chosen, read, limit)) })
      : { lists: await db.all(listsQuery), rows: [] };
  const [found] = lists;
  if (found === undefined) throw new Error("a SELECT without FROM has no row");
  const inRange = toStreams(found.inRange);
  const isWhole = inRange.length > 0 && inRange.every(({ more }) => !more);
  const { descending } = SHELF_ORDER[sort];
  const page = mergeStreams(isWhole ? inRange : toStreams(found.inOrder), { limit, descending });
  const { tallies, names } = isFirst ? toTallies(plan, found) : { tallies: undefined, names: [] };
  return { page, tallies, shown: { rows: byId(rows), names: new Map(names) } };
}

interface Change {
  readonly searchId: number;
  readonly id: string;
  readonly value: number;
  readonly price: number;
  readonly brandId: string;
  readonly categoryId: string;
  readonly isActive: number;
  readonly inStock: number;
  readonly inBrands: number;
  readonly inCategories: number;
}

/**
 * Reads a bounded number of changes, whose filters are looked up: a page of the feed may be short or empty. The same products are
 * counted for its facets.
 */
export async function readChanges(
  db: Database,
  plan: ListingPlan,
  after: After,
  limit: number,
): Promise<{ readonly page: MergedPage; readonly sets: CandidateSets }> {
  const { categories, brands } = namedFilters(plan);
  const start = after.kind === "key" ? Number(after.value) + 1 : (plan.updatedSince ?? 0);
  const inBrands = brands === undefined ? sql`1` : sql`p.brand_id IN (${brands})`;
  const inCategories = categories === undefined ? sql`1` : sql`p.category_id IN (${below(categories)})`;
  const rows = await db.all(
    select(
      {
        changes: sql<string>`json_group_array(json_object('searchId', search_id, 'id', id, 'value', change_seq, 'price', price,
          'brandId', brand_id, 'categoryId', category_id, 'isActive', is_active, 'inStock', in_stock, 'inBrands', in_brands,
          'inCategories', in_categories))`,
      },
      sql`FROM (SELECT p.search_id, p.id, p.change_seq, p.price, p.brand_id, p.category_id, p.status = 'active' AS is_active,
          ${IN_STOCK} AS in_stock, ${inBrands} AS in_brands, ${inCategories} AS in_categories
        FROM products p WHERE p.change_seq >= ${start} ORDER BY p.change_seq LIMIT ${SCANNED_ROWS + 1})`,
    ),
  );
  const read = rows.flatMap(({ changes }) => parsed<readonly Change[]>(changes));
  const more = read.length > SCANNED_ROWS;
  const changes = read.slice(0, SCANNED_ROWS).map((row) => ({ ...row, inStock: row.inStock === 1 }));
  const active = changes.filter(({ isActive }) => isActive === 1);
  const sets = {
    page: { found: active.filter((row) => row.inBrands === 1 && row.inCategories === 1), more },
    ofAllBrands: { found: active.filter((row) => row.inCategories === 1), more },
    ofAllCategories: { found: active.filter((row) => row.inBrands === 1), more },
  };
  const shown = new Set(passing(plan, sets.page).map(({ id }) => id));
  const entries = changes.map((row) => ({ ...row, matches: shown.has(row.id) }));
  const page = mergeStreams([{ entries, more }], { limit, descending: false });
  return { page: { ...page, last: page.last ?? page.entries.at(-1) }, sets };
}

/** What pages show. */
export interface Shown {
  /** Products by their search id. */
  readonly rows: ReadonlyMap<number, ProductRow>;
  /** The names of brands and categories by id. */
  readonly names: ReadonlyMap<string, string>;
}

export const NOTHING_SHOWN: Shown = { rows: new Map(), names: new Map() };

const FIELDS = { ...PRODUCT_FIELDS, searchId: p.searchId, images: imagesJson(1) } as const;

type StoredRow = RowOf<typeof FIELDS>;

/** The products whose search ids are the `value` of these rows. */
function rowsQuery(searchIds: SQL): Query<StoredRow> {
  return select(
    FIELDS,
    sql`FROM ${searchIds} wanted CROSS JOIN products p ON p.search_id = wanted.value ${PRODUCT_JOINS} WHERE p.status = 'active'`,
  );
}

function byId(rows: readonly StoredRow[]): ReadonlyMap<number, ProductRow> {
  return new Map(rows.map((row) => [row.searchId, withImages(row)]));
}

/** Reads what a page shows but for what is known. A product that was archived meanwhile is not there. */
export async function readShown(
  db: Database,
  searchIds: readonly number[],
  nameIds: readonly string[],
  known: Shown,
): Promise<Shown> {
  const missing = searchIds.filter((id) => !known.rows.has(id));
  const unnamed = nameIds.filter((id) => !known.names.has(id));
  if (missing.length === 0 && unnamed.length === 0) return known;
  const { rows, names } = await readAll(db, {
    rows: rowsQuery(sql`json_each(${JSON.stringify(missing)})`),
    names: namesQuery(unnamed),
  });
  return {
    rows: new Map([...known.rows, ...byId(rows)]),
    names: new Map([...known.names, ...names.map(({ id, name }) => [id, name] as const)]),
  };
}
