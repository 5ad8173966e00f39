// What the facets of a list without words count: kept counts where only categories and brands are chosen, else a bounded number of
// products. Each facet ignores its own filter, so that the shopper can choose another value.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { inJson, select } from "#shared/statement";
import type { Query } from "#shared/statement";
import { KEPT_COUNTS, MAX_FACET_ENTRIES, PRICE_ENDS, SCANNED_PRODUCTS } from "../constants.ts";
import { priceRange, tally } from "../domain/facets.ts";
import type { Tallies, Tally } from "../domain/facets.ts";
import type { ListingPlan } from "../domain/listing.ts";
import { IN_STOCK, allOf, parsed, priceConditions, scannedOf, streamsOf, windowOf, windowsOf } from "./shelves.ts";
import type { ShelfOrder, Shelves, Source, StoredEntry, Windows } from "./shelves.ts";

/** One list of counts needs only those that the facet shows, and gives their names. */
type KeptCount = readonly [id: string, count: number, name: string | null];

/** The largest kept counts for each value of a source, as JSON. `member` is counted, `given` has the value; '' is all. */
function keptOf(
  source: Source,
  columns: { readonly member: SQL; readonly given: SQL; readonly count: SQL; readonly names: SQL },
): SQL<string> {
  const { member, given, count, names } = columns;
  const isOne = source.count === 1;
  return windowsOf(
    source.rows,
    isOne ? 2 * MAX_FACET_ENTRIES : windowOf(source.count, KEPT_COUNTS),
    sql`json_array(member, count, ${isOne ? sql`(SELECT name FROM ${names} named WHERE named.id = member)` : sql`NULL`})`,
    sql`SELECT ${member} AS member, ${count} AS count FROM shelves
      WHERE ${given} = source.value AND ${member} <> '' AND ${count} > 0 ORDER BY ${count} DESC, ${member} DESC`,
  );
}

/** Counts of one source are whole, also where smaller ones are left out. */
function keptTally(sources: Windows<KeptCount>): Tally {
  return tally(
    sources.flatMap(([, read]) => read.map(([id, count]) => [id, count] as const)),
    { atLeast: sources.length > 1 && sources.some(([window, read]) => read.length > window) },
  );
}

type Sampled = readonly [brand: string, category: string, matches: number];

/** Brand, category and whether it counts, of a bounded number of each shelf's products, as JSON. */
function sampleOf(shelves: Source, plan: ListingPlan, window: SQL): SQL<string> {
  const prices = priceConditions(sql`i.price`, plan);
  const order = prices.length === 0 ? sql`i.created_at DESC` : sql`i.price`;
  return windowsOf(
    shelves.rows,
    window,
    sql`json_array(brand_id, category_id, matches)`,
    sql`SELECT p.brand_id, p.category_id, ${plan.inStockOnly ? IN_STOCK : sql`1`} AS matches
      FROM shelf_products i CROSS JOIN products p ON p.search_id = i.search_id
      WHERE ${allOf([sql`i.shelf_id = source.value`, ...prices])} ORDER BY ${order}`,
  );
}

function sampleTally(sources: Windows<Sampled>, idOf: (sampled: Sampled) => string): Tally {
  const counted = sources.flatMap(([window, read]) => read.slice(0, window).filter(([, , matches]) => matches === 1));
  return tally(
    counted.map((sampled) => [idOf(sampled), 1]),
    { atLeast: sources.some(([window, read]) => read.length > window) },
  );
}

/** Reads one end of the prices. */
function endOf({ chosen }: Shelves, order: ShelfOrder, { inStockOnly }: ListingPlan): SQL<string> {
  const price = { minPrice: undefined, maxPrice: undefined };
  // One row is read beyond these.
  const window = inStockOnly ? Math.floor(PRICE_ENDS / Math.max(1, chosen.count)) : 0;
  return streamsOf(chosen, window, { order, list: order, price, inStockOnly, after: { kind: "start" } });
}

/** The first price of each stream that counts. Where none was found among the read, the last read bounds it. */
function ends(sources: Windows<StoredEntry>): { readonly prices: readonly number[]; readonly atLeast: boolean } {
  const found = sources.map(([window, read]) => {
    const first = read.find(([, , , matches]) => matches === 1);
    return { entry: first ?? (read.length > window ? read.at(-1) : undefined), isBound: first === undefined };
  });
  return {
    prices: found.flatMap(({ entry }) => (entry === undefined ? [] : [Number(entry[2])])),
    atLeast: found.some(({ entry, isBound }) => isBound && entry !== undefined),
  };
}

/** Whether the counts are kept. */
export function isKept({ minPrice, maxPrice, inStockOnly }: ListingPlan): boolean {
  return minPrice === undefined && maxPrice === undefined && !inStockOnly;
}

function isOneSample({ brand, category }: ListingPlan): boolean {
  return brand === undefined && category === undefined;
}

export const NOTHING = sql<string>`'[]'`;
export const NO_TALLIES = { brands: NOTHING, categories: NOTHING, lowest: NOTHING, highest: NOTHING } as const;

/** What is read for the facets of a list without words, as JSON. */
export function talliesOf(plan: ListingPlan, shelves: Shelves): Readonly<Record<TallyName, SQL<string>>> {
  const { ofAllBrands, ofAllCategories } = shelves;
  const prices = { lowest: endOf(shelves, "price", plan), highest: endOf(shelves, "-price", plan) };
  if (isKept(plan)) {
    return {
      ...prices,
      brands: keptOf(shelves.categories, {
        member: sql`brand_id`,
        given: sql`category_id`,
        count: sql`products`,
        names: sql`brands`,
      }),
      categories: keptOf(shelves.brands, {
        member: sql`category_id`,
        given: sql`brand_id`,
        count: sql`own_products`,
        names: sql`categories`,
      }),
    };
  }
  const share = isOneSample(plan) ? 2 * SCANNED_PRODUCTS : SCANNED_PRODUCTS;
  return {
    ...prices,
    brands: sampleOf(ofAllBrands, plan, scannedOf(ofAllBrands, { share })),
    categories: isOneSample(plan) ? NOTHING : sampleOf(ofAllCategories, plan, scannedOf(ofAllCategories)),
  };
}

export type TallyName = "brands" | "categories" | "lowest" | "highest";

interface NamedTallies {
  readonly tallies: Tallies;
  /** Ids with the names that were read along. */
  readonly names: readonly (readonly [string, string])[];
}

export function toTallies(plan: ListingPlan, read: Readonly<Record<TallyName, string>>): NamedTallies {
  const [low, high] = [ends(parsed(read.lowest)), ends(parsed(read.highest))];
  const price = priceRange([...low.prices, ...high.prices], { atLeast: low.atLeast || high.atLeast });
  if (isKept(plan)) {
    const brands = parsed<Windows<KeptCount>>(read.brands);
    const categories = parsed<Windows<KeptCount>>(read.categories);
    const named = [...brands, ...categories].flatMap(([, counts]) => counts);
    const names = named.flatMap(([id, , name]): [string, string][] => (name === null ? [] : [[id, name]]));
    return { tallies: { brands: keptTally(brands), categories: keptTally(categories), price }, names };
  }
  const brands = parsed<Windows<Sampled>>(read.brands);
  const categories = isOneSample(plan) ? brands : parsed<Windows<Sampled>>(read.categories);
  return {
    tallies: {
      brands: sampleTally(brands, ([brand]) => brand),
      categories: sampleTally(categories, ([, category]) => category),
      price,
    },
    names: [],
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
