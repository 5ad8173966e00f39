// The sweep of carts: asks each cart that may have expired, and publishes CART_EXPIRED for those that had lines.
import type { Call } from "#shared/call";
import { systemCall } from "#shared/call";
import { StaleWrite } from "#shared/database";
import { Customer, linesOfEvent } from "#shared/events/catalogue";
import type { EventLine } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { lineTotalMinor, sumForDisplay } from "#shared/money";
import { sweepEach } from "#shared/sweep";
import { EVERYTHING_LIMIT, SWEEP_BATCH, SWEEP_CONCURRENCY } from "../constants.ts";
import type { CartLine } from "../domain/cart.ts";
import { endCartRow, expiredCartRows, postponeCartRow } from "../store/carts.ts";
import type { CartRow } from "../store/carts.ts";
import type { OrdersDeps } from "./deps.ts";

/** CART_EXPIRED for a cart's lines; undefined when none of its products can be ordered any more. */
async function expiryEvent(
  deps: OrdersDeps,
  call: Call,
  cartId: string,
  lines: readonly CartLine[],
  customer: Customer | null,
): Promise<EventEnvelope | undefined> {
  const ids = lines.map(({ productId }) => productId);
  const products = await deps.catalog.pricedProducts(call, { ids, fresh: false });
  if (!products.ok) throw new Error(`the catalog refused: ${products.error.code}`);
  const byId = new Map(products.value.map((product) => [product.id, product]));
  const orderable: EventLine[] = lines.flatMap(({ productId, quantity }) => {
    const product = byId.get(productId);
    if (product?.status !== "active") return [];
    const { sku, name, unitPrice } = product;
    return [{ productId, sku, name, quantity, unitPrice, lineTotal: lineTotalMinor(unitPrice, quantity) }];
  });
  if (orderable.length === 0) return undefined;
  const subtotal = sumForDisplay(orderable.map(({ lineTotal }) => lineTotal));
  const data = { cartId, customer, ...linesOfEvent(orderable), subtotal, currency: deps.currency };
  return makeEvent("CART_EXPIRED", cartId, data, {
    worker: deps.worker,
    correlationId: call.correlationId,
    now: deps.now(),
  });
}

/** The event is written in the batch that deletes the index row. The lines are dropped last: they already read as gone. */
async function expireCart(deps: OrdersDeps, row: CartRow): Promise<boolean> {
  const call = systemCall("cart_expiry", newId("req"));
  const context = { now: deps.now(), correlationId: call.correlationId };
  const expiry = await deps.cart(row.id).expiry(context);
  if (expiry.live) {
    await postponeCartRow(deps.db, row, expiry.until);
    return false;
  }
  // The row has the customer of the cart's first line, the cart that of its last change.
  const customer = expiry.customer ?? (row.customer === null ? null : Customer.parse(JSON.parse(row.customer)));
  const hasLines = expiry.lines.length > 0;
  const event = hasLines ? await expiryEvent(deps, call, row.id, expiry.lines, customer) : undefined;
  try {
    await endCartRow(deps, row, event);
  } catch (error) {
    // Its owner came back, or another sweep was first.
    if (error instanceof StaleWrite) return false;
    throw error;
  }
  await deps.cart(row.id).drop({ version: expiry.version, now: context.now });
  return hasLines;
}

/** Expires carts that are due. Returns how many had lines. */
export async function expireCarts(deps: OrdersDeps, { everything }: { readonly everything: boolean }): Promise<number> {
  const due = await expiredCartRows(deps.db, deps.now(), everything ? EVERYTHING_LIMIT : SWEEP_BATCH);
  return await sweepEach(due, { concurrency: SWEEP_CONCURRENCY, idOf: ({ id }) => id }, (row) => expireCart(deps, row));
}
