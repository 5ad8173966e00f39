// Calls of a product's object. A product that inventory does not know yet is fetched from catalog first.
import type { Call } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { Result } from "#shared/result";
import type { Trace } from "../objects/requests.ts";
import type { InventoryDeps, StockCalls } from "./deps.ts";

/** The ids of a call, for the events that it causes. */
export function traceOf({ correlationId, traceparent }: Call): Trace {
  return { correlationId, traceparent };
}

export function productNotFound(): Outcome<never> {
  return fail("product_not_found", "There is no such product in the shop, or not any more.");
}

/** Opens a product's object with catalog's details. False when catalog does not know the product. */
async function describeFromCatalog(deps: InventoryDeps, call: Call, productId: string): Promise<boolean> {
  const answer = await deps.catalog.pricedProducts(call, { ids: [productId], fresh: true });
  if (!answer.ok) throw new Error(`catalog refused to describe ${productId}: ${answer.error.code}`);
  const product = answer.value.find(({ id }) => id === productId);
  if (product === undefined) return false;
  const { sku, name, vendorId } = product;
  // Version 0: any PRODUCT_UPSERTED is newer.
  await deps.stock(productId).describe({ productId, sku, name, vendorId, version: 0 }, traceOf(call));
  return true;
}

/** Calls a product's object, and once more after it was described where it did not know the product. */
export async function onStock<T, F extends { readonly reason: string }>(
  deps: InventoryDeps,
  call: Call,
  productId: string,
  work: (stock: StockCalls) => Promise<Result<T, F>>,
): Promise<Result<T, F>> {
  const answer = await work(deps.stock(productId));
  if (answer.ok || answer.error.reason !== "unknown_product") return answer;
  return (await describeFromCatalog(deps, call, productId)) ? await work(deps.stock(productId)) : answer;
}
