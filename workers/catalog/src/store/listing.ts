// The pages of the public list. How many rows one reads depends on neither the shop nor the filters; test/bounded.test.ts counts them.
import { sql } from "drizzle-orm";
import * as z from "zod";
import { inJson, readAll, select } from "#shared/database";
import type { Database, Query } from "#shared/database";
import { MERGED_ROWS, SCANNED_PRODUCTS, SCANNED_ROWS, SMALL_LIST } from "../constants.ts";
import { passing } from "../domain/candidates.ts";
import type { CandidateSets } from "../domain/candidates.ts";
import type { After, ListingPlan } from "../domain/listing.ts";
import type { ProductRow } from "../domain/product.ts";
import { mergeStreams } from "../domain/streams.ts";
import type { MergedPage } from "../domain/streams.ts";
import { namesQuery } from "./facets.ts";
import { PRODUCT_FIELDS, PRODUCT_JOINS, imagesJson, withImages } from "./products.ts";
import { below } from "./search.ts";
import { IN_STOCK, SHELF_ORDER, scannedOf, streamsQuery, toStreams, windowOf } from "./shelves.ts";
import type { NamedFilters, ShelfOrder, Shelves } from "./shelves.ts";

/**
 * A page of a list without words. Its indexes serve category, brand and order. Stock, and prices in another order, are looked up for a
 * bounded number of products, so that such a page may be short. A price range with few products is sorted whole.
 */
export async function readShelfPage(
  db: Database,
  plan: ListingPlan & { readonly sort: ShelfOrder },
  { chosen }: Shelves,
  after: After,
  limit: number,
): Promise<MergedPage> {
  const { sort, inStockOnly } = plan;
  const hasRange = plan.minPrice !== undefined || plan.maxPrice !== undefined;
  const sortsRange = hasRange && sort !== "price" && sort !== "-price";
  const isScanned = sortsRange || inStockOnly;
  // Stock costs a second row.
  const scanned = scannedOf(chosen, { share: inStockOnly ? SCANNED_PRODUCTS : 2 * SCANNED_PRODUCTS });
  const window = isScanned ? scanned : Math.min(limit, windowOf(chosen.ids, MERGED_ROWS));
  const read = { list: sort, price: plan, inStockOnly, after };
  const rows = await readAll(db, {
    inOrder: streamsQuery(chosen.ids, { ...read, order: sort, window }),
    // Not of so many shelves that there is one row for each.
    inRange: streamsQuery(sortsRange && chosen.products > SMALL_LIST && scanned > 1 ? chosen.ids : [], {
      ...read,
      order: "price",
      window: scanned,
    }),
  });
  const inRange = toStreams(rows.inRange, scanned);
  const isWhole = inRange.length > 0 && inRange.every(({ more }) => !more);
  const { descending } = SHELF_ORDER[sort];
  return mergeStreams(isWhole ? inRange : toStreams(rows.inOrder, window), { limit, descending });
}

const Changes = z.array(
  z.object({
    searchId: z.number(),
    id: z.string(),
    value: z.number(),
    price: z.number(),
    brandId: z.string(),
    categoryId: z.string(),
    isActive: z.number(),
    inStock: z.number(),
    inBrands: z.number(),
    inCategories: z.number(),
  }),
);

/**
 * Reads a bounded number of changes, whose filters are looked up: a page of the feed may be short or empty. The same products are
 * counted for its facets.
 */
export async function readChanges(
  db: Database,
  plan: ListingPlan,
  { categories, brands }: NamedFilters,
  after: After,
  limit: number,
): Promise<{ readonly page: MergedPage; readonly sets: CandidateSets }> {
  const start = after.kind === "key" ? Number(after.value) + 1 : (plan.updatedSince ?? 0);
  const inBrands = brands === undefined ? sql`1` : inJson(sql`p.brand_id`, brands);
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
  const read = rows.flatMap(({ changes }) => Changes.parse(JSON.parse(changes)));
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

export interface Shown {
  readonly rows: readonly ProductRow[];
  /** The names of brands and categories by id. */
  readonly names: ReadonlyMap<string, string>;
}

const FIELDS = { ...PRODUCT_FIELDS, images: imagesJson(1) } as const;

function rowsQuery(searchIds: readonly number[]): Query<{ readonly images: string } & Omit<ProductRow, "images">> {
  return select(
    FIELDS,
    sql`FROM json_each(${JSON.stringify(searchIds)}) wanted CROSS JOIN products p ON p.search_id = wanted.value
      ${PRODUCT_JOINS} WHERE p.status = 'active' ORDER BY wanted.key`,
  );
}

/** What a page shows: its products in this order, and the names for its facets. */
export async function readShown(
  db: Database,
  searchIds: readonly number[],
  nameIds: readonly string[],
): Promise<Shown> {
  const { rows, names } = await readAll(db, { rows: rowsQuery(searchIds), names: namesQuery(nameIds) });
  return { rows: rows.map(withImages), names: new Map(names.map(({ id, name }) => [id, name])) };
}
