// The lists of products: the public one with full text and facets, and the one of staff.
import * as z from "zod";
import type { Call } from "#shared/call";
import type { ListProductsInput, ProductPage } from "#shared/contracts/catalog";
import type { ListManagedInput, ManagedProductPage } from "#shared/contracts/catalog-staff";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { NumberThenId, decodeCursor, readFeed, readPage, toFeedPage, toPage } from "#shared/paging";
import { ok } from "#shared/result";
import { keyAfter, parseAfter, planListing } from "../domain/listing.ts";
import type { After, ListingPlan } from "../domain/listing.ts";
import { toManaged } from "../domain/managed.ts";
import { toProduct } from "../domain/product.ts";
import { parseSearch } from "../domain/search.ts";
import { readListing } from "../store/listing.ts";
import { readManagedList } from "../store/managed-list.ts";
import type { ManagedKey } from "../store/managed-list.ts";
import type { CatalogDeps } from "./deps.ts";

const EMPTY: ProductPage = { items: [], nextCursor: null, facets: { brands: [], categories: [], price: null } };

async function afterCursor(scope: unknown, plan: ListingPlan, cursor: string | undefined): Promise<Outcome<After>> {
  if (cursor === undefined) return ok({ kind: "start" });
  const key = await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  const after = parseAfter(plan.sort, key.value);
  return after === undefined ? fail("invalid_cursor", "The cursor does not belong to this list.") : ok(after);
}

async function productPage(
  deps: CatalogDeps,
  plan: ListingPlan,
  after: After,
  limit: number,
  scope: unknown,
): Promise<ProductPage> {
  const { rows, facets } = await readListing(deps.db, plan, after, limit, { withFacets: after.kind === "start" });
  const skipped = after.kind === "place" ? after.place : 0;
  const placed = rows.map((row, index) => ({ ...row, place: skipped + index + 1 }));
  const keyOf = (row: (typeof placed)[number]): readonly (string | number)[] => keyAfter(plan.sort, row);
  const { items, nextCursor } =
    plan.sort === "changed"
      ? await toFeedPage(placed.slice(0, limit), scope, keyOf, toProduct)
      : await toPage(placed, limit, scope, keyOf, toProduct);
  return { items, nextCursor, ...(facets === undefined ? {} : { facets }) };
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
  return ok(await productPage(deps, plan, after.value, input.limit, scope));
}

export async function listManagedProducts(
  deps: CatalogDeps,
  call: Call,
  { limit, cursor, q, ...filters }: z.output<typeof ListManagedInput>,
): Promise<Outcome<ManagedProductPage>> {
  const page = { limit, cursor };
  const search = parseSearch(q);
  const { status, brand, category, sku, externalId } = filters;
  const updatedSince = filters.updatedSince === undefined ? undefined : Date.parse(filters.updatedSince);
  const filter = { status, brand, category, sku, externalId, updatedSince, search };
  const list = {
    scope: ["managed products", call.actor.role === "vendor" ? call.actor.id : null, filters, search],
    read: async (after: ManagedKey | undefined, rows: number) =>
      search.kind === "nothing" ? [] : await readManagedList(deps.db, call, { ...filter, after, limit: rows }),
    render: toManaged,
  };
  return updatedSince === undefined
    ? await readPage(page, { ...list, key: NumberThenId, keyOf: ({ createdAt, id }) => [createdAt, id] })
    : await readFeed(page, { ...list, key: z.tuple([z.number()]), keyOf: ({ changeSeq }) => [changeSeq] });
}
