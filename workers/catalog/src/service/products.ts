// One product for the public, and several for a Worker that sells them.
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { GetProductInput, PricedProduct, PricedProductsInput, ProductDetail } from "#shared/contracts/catalog";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { UNKNOWN_PRODUCT, toProduct } from "../domain/product.ts";
import { readActiveProduct, readPricedProducts } from "../store/products.ts";
import type { CatalogDeps } from "./deps.ts";

export async function getProduct(
  deps: CatalogDeps,
  _call: Call,
  { idOrSlug }: z.output<typeof GetProductInput>,
): Promise<Outcome<ProductDetail>> {
  const row = await readActiveProduct(deps.db, idOrSlug);
  return row === undefined ? UNKNOWN_PRODUCT : ok({ ...toProduct(row), available: row.available });
}

/** Reads only the products that are not cached. */
async function cachedProducts(deps: CatalogDeps, ids: readonly string[]): Promise<PricedProduct[]> {
  const cached = ids.flatMap((id) => deps.prices.get(id, deps.now()) ?? []);
  const found = new Set(cached.map(({ id }) => id));
  const missing = ids.filter((id) => !found.has(id));
  if (missing.length === 0) return cached;
  const read = await readPricedProducts(deps.db, missing);
  for (const product of read) deps.prices.set(product.id, product, deps.now());
  return [...cached, ...read];
}

export async function pricedProducts(
  deps: CatalogDeps,
  _call: Call,
  { ids, fresh }: z.output<typeof PricedProductsInput>,
): Promise<Outcome<readonly PricedProduct[]>> {
  const unique = [...new Set(ids)];
  if (unique.length === 0) return ok([]);
  return ok(fresh ? await readPricedProducts(deps.db, unique) : await cachedProducts(deps, unique));
}
