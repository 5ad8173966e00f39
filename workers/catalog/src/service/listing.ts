// The public list: filters, full text, facets and paging.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { ListProductsInput, ProductPage } from "#shared/contracts/catalog";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { decodeCursor, toFeedPage, toPage } from "#shared/paging";
import { ok } from "#shared/result";
import { keyAfter, parseAfter, planListing } from "../domain/listing.ts";
import type { After, ListingPlan } from "../domain/listing.ts";
import { toProduct } from "../domain/product.ts";
import { readListing } from "../store/listing.ts";
import type { CatalogDeps } from "./deps.ts";

const NOTHING: ProductPage = { items: [], nextCursor: null, facets: { brands: [], categories: [], price: null } };

async function afterCursor(scope: unknown, plan: ListingPlan, cursor: string | undefined): Promise<Outcome<After>> {
  if (cursor === undefined) return ok({ kind: "start" });
  const key = await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  const after = parseAfter(plan.sort, key.value);
  return after === undefined ? fail("invalid_cursor", "The cursor is not one of this list.") : ok(after);
}

async function readPage(
  deps: CatalogDeps,
  plan: ListingPlan,
  after: After,
  limit: number,
  scope: unknown,
): Promise<ProductPage> {
  const { rows, facets } = await readListing(deps.db, plan, after, limit, after.kind === "start");
  const skipped = after.kind === "place" ? after.place : 0;
  const placed = rows.map((row, index) => ({ ...row, place: skipped + index + 1 }));
  const keyOf = (row: (typeof placed)[number]): readonly (string | number)[] => keyAfter(plan.sort, row);
  const { items, nextCursor } =
    plan.sort === "changed"
      ? await toFeedPage(placed.slice(0, limit), scope, keyOf, toProduct)
      : await toPage(placed, limit, scope, keyOf, toProduct);
  return { items: [...items], nextCursor, ...(facets === undefined ? {} : { facets }) };
}

/** See CatalogContract. The cursor belongs to the plan: the same words and filters in the same order. */
export async function listProducts(
  deps: CatalogDeps,
  _call: Call,
  input: z.output<typeof ListProductsInput>,
): Promise<Outcome<ProductPage>> {
  if (input.updatedSince !== undefined && input.sort !== undefined) {
    return invalidInput([
      { path: "sort", message: "does not go with `updatedSince`, whose order is that of the changes" },
    ]);
  }
  const plan = planListing(input);
  const scope = ["products", plan];
  const after = await afterCursor(scope, plan, input.cursor);
  if (!after.ok) return after;
  if (plan.search.kind === "nothing") return ok(NOTHING);
  return ok(await readPage(deps, plan, after.value, input.limit, scope));
}
