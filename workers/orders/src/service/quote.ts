// What an order would cost now. Quotes and placed orders share the pricing.
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { Quote, QuoteInput } from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { ok } from "#shared/result";
import { CART_EMPTY } from "../domain/cart.ts";
import { calculate, mergeLines, priceLines } from "../domain/totals.ts";
import type { Calculation } from "../domain/totals.ts";
import type { OrdersDeps } from "./deps.ts";
import { cartName } from "./owner.ts";

type Wanted = Pick<z.output<typeof QuoteInput>, "shippingAddress" | "shippingMethod">;

/** Prices lines at the catalog's fresh prices. Fails as quote does. */
export async function price(
  deps: OrdersDeps,
  call: Call,
  lines: readonly StockLine[],
  { shippingAddress, shippingMethod }: Wanted,
): Promise<Outcome<Calculation>> {
  const ids = lines.map(({ productId }) => productId);
  const products = await deps.catalog.pricedProducts(call, { ids, fresh: true });
  if (!products.ok) return products;
  const priced = priceLines(lines, products.value, deps.currency);
  if (!priced.ok) return priced;
  return calculate(priced.value, shippingAddress.country, deps.currency, shippingMethod);
}

/** Coupons do not exist yet, so none is valid. */
export function checkCoupon(couponCode: string | undefined): Outcome<null> {
  return couponCode === undefined
    ? ok(null)
    : fail("coupon_not_found", "No coupon has this code; write it as it was given, or leave couponCode out.");
}

async function cartLines(
  deps: OrdersDeps,
  call: Call,
  cartToken: string | undefined,
): Promise<Outcome<readonly StockLine[]>> {
  const name = await cartName(call, cartToken);
  const context = { now: deps.now(), correlationId: call.correlationId };
  const lines = name === undefined ? [] : (await deps.cart(name).view(context)).lines;
  return lines.length === 0 ? CART_EMPTY : ok(lines);
}

export async function quote(deps: OrdersDeps, call: Call, input: z.output<typeof QuoteInput>): Promise<Outcome<Quote>> {
  const coupon = checkCoupon(input.couponCode);
  if (!coupon.ok) return coupon;
  const wanted = input.items === undefined ? await cartLines(deps, call, input.cartToken) : mergeLines(input.items);
  if (!wanted.ok) return wanted;
  const priced = await price(deps, call, wanted.value, input);
  return priced.ok ? ok(priced.value.quote) : priced;
}
