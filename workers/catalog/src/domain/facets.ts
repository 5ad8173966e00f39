// Facets: how many products each brand and category has. What was not counted to the end is a lower bound.
import type { Facets } from "#shared/contracts/catalog";
import { MAX_FACET_ENTRIES } from "../constants.ts";

/** Counts by id. */
export interface Tally {
  readonly counts: ReadonlyMap<string, number>;
  /** Whether products were left uncounted. */
  readonly atLeast: boolean;
}

export interface PriceRange {
  /** Minor units. Null when nothing was found. */
  readonly range: { readonly min: number; readonly max: number } | null;
  /** Whether products were left out. */
  readonly atLeast: boolean;
}

export interface Tallies {
  readonly brands: Tally;
  readonly categories: Tally;
  readonly price: PriceRange;
}

/** Adds up the counts of several sources. */
export function tally(counted: Iterable<readonly [string, number]>, { atLeast }: { readonly atLeast: boolean }): Tally {
  const counts = new Map<string, number>();
  for (const [id, count] of counted) counts.set(id, (counts.get(id) ?? 0) + count);
  return { counts, atLeast };
}

export function priceRange(prices: readonly number[], { atLeast }: { readonly atLeast: boolean }): PriceRange {
  // Not `Math.min(...prices)`: a stack has room for few arguments.
  const range = prices.reduce<PriceRange["range"]>(
    (found, price) => ({ min: Math.min(found?.min ?? price, price), max: Math.max(found?.max ?? price, price) }),
    null,
  );
  return { range, atLeast: atLeast && range !== null };
}

/** The ids of the largest counts whose names a facet needs. More than it shows, because equal counts are sorted by name. */
export function leading({ counts }: Tally): string[] {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 2 * MAX_FACET_ENTRIES)
    .map(([id]) => id);
}

function entriesOf({ counts, atLeast }: Tally, names: ReadonlyMap<string, string>): Facets["brands"] {
  return [...counts]
    .flatMap(([id, count]) => {
      const name = names.get(id);
      return name === undefined ? [] : [{ id, name, count, ...(atLeast ? { atLeast: true as const } : {}) }];
    })
    .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_FACET_ENTRIES);
}

/** `names` by id, of brands and categories alike. A value whose name is not there was deleted meanwhile and is left out. */
export function toFacets({ brands, categories, price }: Tallies, names: ReadonlyMap<string, string>): Facets {
  const { range, atLeast } = price;
  return {
    brands: entriesOf(brands, names),
    categories: entriesOf(categories, names),
    price: range === null ? null : { ...range, ...(atLeast ? { atLeast: true as const } : {}) },
  };
}
