// The plan of the public list: its filters, its order, and the key in its cursors.
import type * as z from "zod";
import type { ListProductsInput } from "#shared/contracts/catalog";
import { MAX_CANDIDATES } from "../constants.ts";
import { parseSearch } from "./search.ts";
import type { Search } from "./search.ts";
import type { MergedPage } from "./streams.ts";

/** `changed` is the order of the feed of changes. `updatedSince` selects it, not `sort`. */
export type Sort = "relevance" | "newest" | "price" | "-price" | "name" | "changed";

export interface ListingPlan {
  readonly search: Search;
  readonly sort: Sort;
  /** Ids or slugs, any of them. */
  readonly category: readonly string[] | undefined;
  readonly brand: readonly string[] | undefined;
  readonly sku: string | undefined;
  /** Milliseconds since the epoch. */
  readonly updatedSince: number | undefined;
  /** Minor units, both ends included. */
  readonly minPrice: number | undefined;
  readonly maxPrice: number | undefined;
  readonly inStockOnly: boolean;
}

/** Where a page begins: after a number of rows (by relevance), or after a key (any other order). */
export type After =
  | { readonly kind: "start" }
  | { readonly kind: "place"; readonly place: number }
  | { readonly kind: "key"; readonly value: string | number; readonly id: string };

/** Plans a list. Without words to search for, relevance becomes newest. */
export function planListing(input: z.output<typeof ListProductsInput>): ListingPlan {
  const search = parseSearch(input.q);
  const updatedSince = input.updatedSince === undefined ? undefined : Date.parse(input.updatedSince);
  const requested = updatedSince === undefined ? (input.sort ?? "relevance") : "changed";
  return {
    search,
    sort: requested === "relevance" && search.kind !== "match" ? "newest" : requested,
    category: input.category,
    brand: input.brand,
    sku: input.sku,
    updatedSince,
    minPrice: input.minPrice,
    maxPrice: input.maxPrice,
    inStockOnly: input.inStock === true,
  };
}

/** Parses the key of a cursor of this order; undefined when it is not one. */
export function parseAfter(sort: Sort, key: readonly (string | number)[]): After | undefined {
  const [first, second] = key;
  if (sort === "relevance") {
    const inRange = typeof first === "number" && Number.isInteger(first) && first > 0 && first < MAX_CANDIDATES;
    return inRange && key.length === 1 ? { kind: "place", place: first } : undefined;
  }
  const fits = sort === "name" ? typeof first === "string" : typeof first === "number";
  if (!fits || first === undefined || typeof second !== "string" || key.length !== 2) return undefined;
  return { kind: "key", value: first, id: second };
}

/** The key of the cursor after a page that began after a place or a key; undefined on the last page. */
export function keyAfter(
  sort: Sort,
  after: After,
  { entries, last }: MergedPage,
): readonly (string | number)[] | undefined {
  if (last === undefined) return undefined;
  if (sort !== "relevance") return [last.value, last.id];
  const place = (after.kind === "place" ? after.place : 0) + entries.length;
  return place < MAX_CANDIDATES ? [place] : undefined;
}
