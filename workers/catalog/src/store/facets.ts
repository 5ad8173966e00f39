// What the facets of a list without words count: kept counts where only categories and brands are chosen, else a bounded number of
// products. Each facet ignores its own filter, so that the shopper can choose another value.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import * as z from "zod";
import { inJson, readAll, select } from "#shared/database";
import type { Database, Query } from "#shared/database";
import { KEPT_COUNTS, PRICE_ENDS, SCANNED_PRODUCTS } from "../constants.ts";
import { priceRange, tally } from "../domain/facets.ts";
import type { Tallies, Tally } from "../domain/facets.ts";
import type { ListingPlan } from "../domain/listing.ts";
import type { Stream } from "../domain/streams.ts";
import { IN_STOCK, allOf, priceConditions, scannedOf, streamsQuery, toStreams, windowOf } from "./shelves.ts";
import type { ShelfOrder, ShelfSet, Shelves } from "./shelves.ts";

const NO_SHELVES: ShelfSet = { ids: [], products: 0 };

type Counted = Query<{ readonly counted: string }>;

const Counts = z.array(z.tuple([z.string(), z.number()]));

/** The largest kept counts for each id, as JSON. `member` is counted, `given` has the ids; '' is all. */
function keptQuery(
  ids: readonly string[],
  columns: { readonly member: SQL; readonly given: SQL; readonly count: SQL },
): Counted {
  const { member, given, count } = columns;
  const counted = sql<string>`(SELECT json_group_array(json_array(member, count)) FROM (
    SELECT ${member} AS member, ${count} AS count FROM shelves
    WHERE ${given} = given.value AND ${member} <> '' AND ${count} > 0
    ORDER BY ${count} DESC, ${member} DESC LIMIT ${windowOf(ids, KEPT_COUNTS) + 1}))`;
  return select({ counted }, sql`FROM json_each(${JSON.stringify(ids)}) given`);
}

function keptTally(rows: readonly { readonly counted: string }[]): Tally {
  const sources = rows.map(({ counted }) => Counts.parse(JSON.parse(counted)));
  const window = windowOf(rows, KEPT_COUNTS);
  return tally(sources.flat(), { atLeast: sources.some(({ length }) => length > window) });
}

const Sample = z.array(z.tuple([z.string(), z.string(), z.number()]));

/** Brand, category and whether it counts, of a bounded number of each shelf's products, as JSON. */
function sampleQuery(shelves: readonly number[], plan: ListingPlan, window: number): Counted {
  const prices = priceConditions(sql`i.price`, plan);
  const order = prices.length === 0 ? sql`i.created_at DESC` : sql`i.price`;
  const counted = sql<string>`(SELECT json_group_array(json_array(brand_id, category_id, matches)) FROM (
    SELECT p.brand_id, p.category_id, ${plan.inStockOnly ? IN_STOCK : sql`1`} AS matches
    FROM shelf_products i CROSS JOIN products p ON p.search_id = i.search_id
    WHERE ${allOf([sql`i.shelf_id = shelf.value`, ...prices])} ORDER BY ${order} LIMIT ${window + 1}))`;
  return select({ counted }, sql`FROM json_each(${JSON.stringify(shelves)}) shelf`);
}

function sampleTally(
  rows: readonly { readonly counted: string }[],
  window: number,
  member: "brand" | "category",
): Tally {
  const sources = rows.map(({ counted }) => Sample.parse(JSON.parse(counted)));
  const counted = sources.flatMap((source) =>
    source
      .slice(0, window)
      .flatMap(([brand, category, matches]): [string, number][] =>
        matches === 1 ? [[member === "brand" ? brand : category, 1]] : [],
      ),
  );
  return tally(counted, { atLeast: sources.some(({ length }) => length > window) });
}

/** Reads one end of the prices. */
function endQuery(
  { chosen }: Shelves,
  order: ShelfOrder,
  { inStockOnly }: ListingPlan,
  window: number,
): ReturnType<typeof streamsQuery> {
  const price = { minPrice: undefined, maxPrice: undefined };
  return streamsQuery(chosen.ids, { order, list: order, price, inStockOnly, after: { kind: "start" }, window });
}

/** The first price of each stream that counts. Where none was found among the read, the last read bounds it. */
function ends(streams: readonly Stream[]): { readonly prices: readonly number[]; readonly atLeast: boolean } {
  const found = streams.map(({ entries, more }) => {
    const first = entries.find(({ matches }) => matches);
    return { price: first ?? (more ? entries.at(-1) : undefined), atLeast: first === undefined && more };
  });
  return {
    prices: found.flatMap(({ price }) => (price === undefined ? [] : [Number(price.value)])),
    atLeast: found.some(({ atLeast }) => atLeast),
  };
}

function toEnds(rows: Parameters<typeof toStreams>[0], window: number): ReturnType<typeof ends> {
  if (window > 0) return ends(toStreams(rows, window));
  return ends(toStreams(rows, 1).map(({ entries }) => ({ entries, more: entries.length > 0 })));
}

/** Counts for the facets of a list without words. */
export async function readTallies(db: Database, plan: ListingPlan, shelves: Shelves): Promise<Tallies> {
  const isKept = plan.minPrice === undefined && plan.maxPrice === undefined && !plan.inStockOnly;
  const isOneSample = shelves.brands === undefined && shelves.categories === undefined;
  const sampled = isKept ? NO_SHELVES : shelves.ofAllBrands;
  const others = isKept || isOneSample ? NO_SHELVES : shelves.ofAllCategories;
  const windows = {
    sampled: scannedOf(sampled, { share: isOneSample ? 2 * SCANNED_PRODUCTS : SCANNED_PRODUCTS }),
    others: scannedOf(others),
    // One row is read beyond these.
    ends: plan.inStockOnly ? Math.floor(PRICE_ENDS / Math.max(1, shelves.chosen.ids.length)) : 0,
  };
  const rows = await readAll(db, {
    brands: keptQuery(isKept ? (shelves.categories ?? [""]) : [], {
      member: sql`brand_id`,
      given: sql`category_id`,
      count: sql`products`,
    }),
    categories: keptQuery(isKept ? (shelves.brands ?? [""]) : [], {
      member: sql`category_id`,
      given: sql`brand_id`,
      count: sql`own_products`,
    }),
    sampled: sampleQuery(sampled.ids, plan, windows.sampled),
    others: sampleQuery(others.ids, plan, windows.others),
    lowest: endQuery(shelves, "price", plan, windows.ends),
    highest: endQuery(shelves, "-price", plan, windows.ends),
  });
  const [low, high] = [toEnds(rows.lowest, windows.ends), toEnds(rows.highest, windows.ends)];
  const price = priceRange([...low.prices, ...high.prices], { atLeast: low.atLeast || high.atLeast });
  if (isKept) return { brands: keptTally(rows.brands), categories: keptTally(rows.categories), price };
  return {
    brands: sampleTally(rows.sampled, windows.sampled, "brand"),
    categories: isOneSample
      ? sampleTally(rows.sampled, windows.sampled, "category")
      : sampleTally(rows.others, windows.others, "category"),
    price,
  };
}

/** The names of brands and categories by id, as one query, so that it can be read with a page. */
export function namesQuery(ids: readonly string[]): Query<{ readonly id: string; readonly name: string }> {
  const wanted = inJson(sql`id`, ids);
  return select(
    { id: sql<string>`id`, name: sql<string>`name` },
    sql`FROM (SELECT id, name FROM brands WHERE ${wanted} UNION ALL SELECT id, name FROM categories WHERE ${wanted})`,
  );
}
