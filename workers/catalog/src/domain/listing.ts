// The public list's plan: which filters, which order, and what a cursor of it must hold.
import type { z } from "zod";
import type { ListProductsInput } from "#shared/contracts/catalog";
import { RELEVANCE_DEPTH } from "../constants.ts";
import { parseSearch } from "./search.ts";
import type { Search } from "./search.ts";

/** `changed` is the order of a feed of changes, which nobody asks for by name. */
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

/** Where a page begins: after so many (by relevance), or after this key (any other order). */
export type After =
  | { readonly kind: "start" }
  | { readonly kind: "place"; readonly place: number }
  | { readonly kind: "key"; readonly value: string | number; readonly id: string };

/** Relevance needs words to be relevant to; without them the newest come first. */
export function planListing(input: z.output<typeof ListProductsInput>): ListingPlan {
  const search = parseSearch(input.q);
  const updatedSince = input.updatedSince === undefined ? undefined : Date.parse(input.updatedSince);
  const wanted = updatedSince === undefined ? (input.sort ?? "relevance") : "changed";
  return {
    search,
    sort: wanted === "relevance" && search.kind !== "match" ? "newest" : wanted,
    category: input.category,
    brand: input.brand,
    sku: input.sku,
    updatedSince,
    minPrice: input.minPrice,
    maxPrice: input.maxPrice,
    inStockOnly: input.inStock === true,
  };
}

/** Reads a cursor's key for this order; undefined when it cannot be one, whoever made it. */
export function parseAfter(sort: Sort, key: readonly (string | number)[]): After | undefined {
  const [first, second] = key;
  if (sort === "relevance") {
    const inRange = typeof first === "number" && Number.isInteger(first) && first > 0 && first < RELEVANCE_DEPTH;
    return inRange && key.length === 1 ? { kind: "place", place: first } : undefined;
  }
  const fits = sort === "name" ? typeof first === "string" : typeof first === "number";
  if (!fits || first === undefined || typeof second !== "string" || key.length !== 2) return undefined;
  return { kind: "key", value: first, id: second };
}

/** What the cursor after this row holds. `place` counts from 1 over all pages. */
export function keyAfter(
  sort: Sort,
  row: {
    readonly id: string;
    readonly name: string;
    readonly price: number;
    readonly createdAt: number;
    readonly changeSeq: number;
    readonly place: number;
  },
): readonly (string | number)[] {
  if (sort === "relevance") return [row.place];
  if (sort === "changed") return [row.changeSeq, row.id];
  if (sort === "newest") return [row.createdAt, row.id];
  return sort === "name" ? [row.name, row.id] : [row.price, row.id];
}
