// The lists of products: the public one with full text and facets, and the one of staff.
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { ListProductsInput, ProductPage } from "#shared/contracts/catalog";
import type { ListManagedInput, ManagedProductPage } from "#shared/contracts/catalog-staff";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { decodeCursor, encodeCursor } from "#shared/paging";
import { ok } from "#shared/result";
import { MAX_CANDIDATES } from "../constants.ts";
import { pageOfCandidates, talliesOfCandidates } from "../domain/candidates.ts";
import { leading, toFacets } from "../domain/facets.ts";
import type { Tallies } from "../domain/facets.ts";
import { keyAfter, parseAfter, planListing } from "../domain/listing.ts";
import type { After, ListingPlan } from "../domain/listing.ts";
import { toManaged } from "../domain/managed.ts";
import { toProduct } from "../domain/product.ts";
import { parseSearch } from "../domain/search.ts";
import type { MergedPage } from "../domain/streams.ts";
import { NOTHING_SHOWN, readChanges, readListing, readShown } from "../store/listing.ts";
import type { Shown } from "../store/listing.ts";
import { findManaged, readManagedRows } from "../store/managed-list.ts";
import { readCandidates } from "../store/search.ts";
import type { CatalogDeps } from "./deps.ts";

const EMPTY: ProductPage = { items: [], nextCursor: null, facets: { brands: [], categories: [], price: null } };

/** Where a page begins and what it holds. */
interface PageRequest {
  readonly after: After;
  readonly limit: number;
}

async function afterCursor(scope: unknown, plan: ListingPlan, cursor: string | undefined): Promise<Outcome<After>> {
  if (cursor === undefined) return ok({ kind: "start" });
  const key = await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  const after = parseAfter(plan.sort, key.value);
  return after === undefined ? fail("invalid_cursor", "The cursor does not belong to this list.") : ok(after);
}

interface Found {
  readonly page: MergedPage;
  /** On the first page. */
  readonly tallies: Tallies | undefined;
  /** What was read along. */
  readonly shown: Shown;
}

const TOO_MANY_MATCHES = invalidInput([
  {
    path: "q",
    message: `matches more than ${String(MAX_CANDIDATES)} products, too many for a feed of changes; leave it out, or search for less`,
  },
]);

/** Finds the products of a page: among the candidates of words or of a SKU, else on the shelves or in the order of changes. */
async function find({ db }: CatalogDeps, plan: ListingPlan, { after, limit }: PageRequest): Promise<Outcome<Found>> {
  const { sort, search, sku } = plan;
  const isFirst = after.kind === "start";
  if (search.kind !== "match" && sku === undefined && sort !== "changed") {
    return ok(await readListing(db, { ...plan, sort: sort === "relevance" ? "newest" : sort }, after, limit));
  }
  if (search.kind !== "match" && sku === undefined) {
    const { page, sets } = await readChanges(db, plan, after, limit);
    return ok({ page, tallies: isFirst ? talliesOfCandidates(plan, sets) : undefined, shown: NOTHING_SHOWN });
  }
  const sets = await readCandidates(db, plan, { withFacets: isFirst });
  if (sort === "changed" && sets.page.more) return TOO_MANY_MATCHES;
  const page = pageOfCandidates(plan, sets.page, after, limit);
  return ok({ page, tallies: isFirst ? talliesOfCandidates(plan, sets) : undefined, shown: NOTHING_SHOWN });
}

/** A cursor is bound to the plan: the same search, filters and order. */
export async function listProducts(
  deps: CatalogDeps,
  _call: Call,
  input: z.output<typeof ListProductsInput>,
): Promise<Outcome<ProductPage>> {
  if (input.updatedSince !== undefined && input.sort !== undefined) {
    return invalidInput([
      { path: "sort", message: "cannot be combined with `updatedSince`, which sorts by the time of the change" },
    ]);
  }
  const plan = planListing(input);
  const scope = ["products", plan];
  const after = await afterCursor(scope, plan, input.cursor);
  if (!after.ok) return after;
  if (plan.search.kind === "nothing") return ok(EMPTY);
  const found = await find(deps, plan, { after: after.value, limit: input.limit });
  if (!found.ok) return found;
  const { page, tallies, shown } = found.value;
  const nameIds = tallies === undefined ? [] : [...leading(tallies.brands), ...leading(tallies.categories)];
  const { rows, names } = await readShown(
    deps.db,
    page.entries.map(({ searchId }) => searchId),
    nameIds,
    shown,
  );
  const key = keyAfter(plan.sort, after.value, page);
  return ok({
    items: page.entries.flatMap(({ searchId }) => rows.get(searchId) ?? []).map(toProduct),
    nextCursor: key === undefined ? null : await encodeCursor(scope, key),
    ...(tallies === undefined ? {} : { facets: toFacets(tallies, names) }),
  });
}

/** Fails with invalid_cursor. A feed's cursor is a place among all changes, any other a time of creation and an id. */
async function managedAfter(
  scope: unknown,
  cursor: string | undefined,
  { isFeed }: { readonly isFeed: boolean },
): Promise<Outcome<After>> {
  if (cursor === undefined) return ok({ kind: "start" });
  const key = await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  const after = parseAfter("newest", isFeed ? [...key.value, ""] : key.value);
  return after === undefined ? fail("invalid_cursor", "The cursor does not belong to this list.") : ok(after);
}

export async function listManagedProducts(
  deps: CatalogDeps,
  call: Call,
  { limit, cursor, q, ...filters }: z.output<typeof ListManagedInput>,
): Promise<Outcome<ManagedProductPage>> {
  const search = parseSearch(q);
  const scope = ["managed products", call.actor.role === "vendor" ? call.actor.id : null, filters, search];
  const isFeed = filters.updatedSince !== undefined;
  const after = await managedAfter(scope, cursor, { isFeed });
  if (!after.ok) return after;
  if (search.kind === "nothing") return ok({ items: [], nextCursor: null });
  const { status, category, brand, sku, externalId } = filters;
  const updatedSince = filters.updatedSince === undefined ? undefined : Date.parse(filters.updatedSince);
  const filter = { status, category, brand, sku, externalId, updatedSince, search, after: after.value, limit };
  const page = await findManaged(deps.db, call, filter);
  if (isFeed && page.isCut) return TOO_MANY_MATCHES;
  const rows = await readManagedRows(deps.db, call, page);
  // A feed has a cursor wherever it has products.
  const last = page.last ?? (isFeed ? page.entries.at(-1) : undefined);
  const nextCursor = last && (await encodeCursor(scope, isFeed ? [last.value] : [last.value, last.id]));
  return ok({ items: rows.map(toManaged), nextCursor: nextCursor ?? null });
}
