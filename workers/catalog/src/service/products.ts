// One product for the shop, and several for a Worker that sells them.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { GetProductInput, PricedProduct, PricedProductsInput, ProductDetail } from "#shared/contracts/catalog";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { toProduct } from "../domain/product.ts";
import { readActiveProduct, readPricedProducts } from "../store/products.ts";
import type { CatalogDeps } from "./deps.ts";

const UNKNOWN = fail("product_not_found", "There is no such product in the shop, or not any more.");

export async function getProduct(
  deps: CatalogDeps,
  _call: Call,
  { idOrSlug }: z.output<typeof GetProductInput>,
): Promise<Outcome<ProductDetail>> {
  const row = await readActiveProduct(deps.db, idOrSlug);
  return row === undefined ? UNKNOWN : ok({ ...toProduct(row), available: row.available });
}

/** Reads only what is not known from the last moments. */
async function recentlyPriced(deps: CatalogDeps, ids: readonly string[]): Promise<PricedProduct[]> {
  const known = ids.flatMap((id) => deps.recent.get<PricedProduct>(`priced ${id}`, deps.now()) ?? []);
  const missing = ids.filter((id) => known.every((product) => product.id !== id));
  if (missing.length === 0) return known;
  const read = await readPricedProducts(deps.db, missing);
  for (const product of read) deps.recent.set(`priced ${product.id}`, product, deps.now());
  return [...known, ...read];
}

export async function pricedProducts(
  deps: CatalogDeps,
  _call: Call,
  { ids, fresh }: z.output<typeof PricedProductsInput>,
): Promise<Outcome<readonly PricedProduct[]>> {
  const unique = [...new Set(ids)];
  if (unique.length === 0) return ok([]);
  return ok(fresh ? await readPricedProducts(deps.db, unique) : await recentlyPriced(deps, unique));
}
