// The products that a search, or a SKU, brings into consideration: how they become a page and facets.
import { priceRange, tally } from "./facets.ts";
import type { Tallies, Tally } from "./facets.ts";
import type { After, ListingPlan } from "./listing.ts";
import { comparison } from "./streams.ts";
import type { Entry, MergedPage } from "./streams.ts";

export interface Candidate extends Omit<Entry, "matches"> {
  /** Minor units. */
  readonly price: number;
  readonly brandId: string;
  readonly categoryId: string;
  readonly inStock: boolean;
}

export interface Candidates {
  readonly found: readonly Candidate[];
  /** Whether more products match than are considered. */
  readonly more: boolean;
}

/** Candidates for the page, and for the facets that ignore a filter; where nothing is ignored, these are the page's. */
export interface CandidateSets {
  readonly page: Candidates;
  readonly ofAllBrands: Candidates;
  readonly ofAllCategories: Candidates;
}

/** The candidates with the plan's stock and time of change. */
function counting({ inStockOnly, sort, updatedSince = 0 }: ListingPlan, { found }: Candidates): Candidate[] {
  return found.filter(
    ({ inStock, value }) => (inStock || !inStockOnly) && (sort !== "changed" || Number(value) >= updatedSince),
  );
}

/** The candidates that pass all filters. */
export function passing(plan: ListingPlan, candidates: Candidates): Candidate[] {
  const { minPrice = 0, maxPrice = Number.POSITIVE_INFINITY } = plan;
  return counting(plan, candidates).filter(({ price }) => price >= minPrice && price <= maxPrice);
}

/** The page after a place or a key. By relevance, candidates are in the order of the list. */
export function pageOfCandidates(plan: ListingPlan, candidates: Candidates, after: After, limit: number): MergedPage {
  const all = passing(plan, candidates);
  const rest =
    plan.sort === "relevance" ? all.slice(after.kind === "place" ? after.place : 0) : behind(plan, all, after);
  const entries = rest.slice(0, limit).map((candidate) => ({ ...candidate, matches: true }));
  // A feed has a cursor wherever it has products.
  const goesOn = rest.length > limit || plan.sort === "changed";
  return { entries, last: goesOn ? entries.at(-1) : undefined };
}

function behind({ sort }: ListingPlan, candidates: readonly Candidate[], after: After): Candidate[] {
  const compare = comparison({ descending: sort === "newest" || sort === "-price" });
  return candidates.filter((candidate) => after.kind !== "key" || compare(candidate, after) > 0).toSorted(compare);
}

export function talliesOfCandidates(plan: ListingPlan, { page, ofAllBrands, ofAllCategories }: CandidateSets): Tallies {
  const counted = (candidates: Candidates, idOf: (candidate: Candidate) => string): Tally =>
    tally(
      passing(plan, candidates).map((candidate) => [idOf(candidate), 1]),
      { atLeast: candidates.more },
    );
  return {
    brands: counted(ofAllBrands, ({ brandId }) => brandId),
    categories: counted(ofAllCategories, ({ categoryId }) => categoryId),
    price: priceRange(
      counting(plan, page).map(({ price }) => price),
      { atLeast: page.more },
    ),
  };
}
