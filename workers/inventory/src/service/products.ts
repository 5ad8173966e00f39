// Calls of a product's object. A product that inventory does not know yet is fetched from catalog first.
import type { Call } from "#shared/call";
import { mapConcurrent } from "#shared/concurrency";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { Result } from "#shared/result";
import { STOCK_CONCURRENCY } from "../constants.ts";
import type { Trace } from "../objects/requests.ts";
import type { InventoryDeps, StockCalls } from "./deps.ts";

/** The ids of a call, for the events that it causes. */
export function traceOf({ correlationId, traceparent }: Call): Trace {
  return { correlationId, traceparent };
}

export function productNotFound(): Outcome<never> {
  return fail("product_not_found", "There is no such product in the shop, or not any more.");
}

/** Opens the objects of these products with catalog's details, which it reads in one call. Returns the products that it knows. */
async function describeFromCatalog(
  deps: InventoryDeps,
  call: Call,
  productIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (productIds.length === 0) return new Set();
  const answer = await deps.catalog.pricedProducts(call, { ids: [...productIds], fresh: true });
  if (!answer.ok) throw new Error(`catalog refused to describe products: ${answer.error.code}`);
  await mapConcurrent(
    answer.value,
    { concurrency: STOCK_CONCURRENCY },
    async ({ id: productId, sku, name, vendorId }) => {
      // Version 0: any PRODUCT_UPSERTED is newer.
      await deps.stock(productId).describe({ productId, sku, name, vendorId, version: 0 }, traceOf(call));
    },
  );
  return new Set(answer.value.map(({ id }) => id));
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
  const known = await describeFromCatalog(deps, call, [productId]);
  return known.has(productId) ? await work(deps.stock(productId)) : answer;
}

/** What the object of a line returned. */
export interface Answer<L, T, F> {
  readonly line: L;
  readonly result: Result<T, F>;
}

/** Calls the object of every line, STOCK_CONCURRENCY at a time, and once more where it was described. Answers are in the order of the lines. */
export async function onStocks<L extends { readonly productId: string }, T, F extends { readonly reason: string }>(
  deps: InventoryDeps,
  call: Call,
  lines: readonly L[],
  work: (stock: StockCalls, line: L) => Promise<Result<T, F>>,
): Promise<Answer<L, T, F>[]> {
  const ask = async (line: L): Promise<Answer<L, T, F>> => ({
    line,
    result: await work(deps.stock(line.productId), line),
  });
  const answers = await mapConcurrent(lines, { concurrency: STOCK_CONCURRENCY }, ask);
  const unknown = answers.filter(({ result }) => !result.ok && result.error.reason === "unknown_product");
  const known = await describeFromCatalog(
    deps,
    call,
    unknown.map(({ line }) => line.productId),
  );
  const again = unknown.map(({ line }) => line).filter(({ productId }) => known.has(productId));
  const asked = await mapConcurrent(again, { concurrency: STOCK_CONCURRENCY }, ask);
  const replaced = new Map(asked.map((answer) => [answer.line, answer]));
  return answers.map((answer) => replaced.get(answer.line) ?? answer);
}
