// Live carts: which object an upgrade belongs to.
import { socketPassOf } from "#shared/sockets";
import type { OrdersDeps } from "./deps.ts";
import { cartName } from "./owner.ts";

/** Hands an upgrade on to the cart of whoever asks. */
export async function openCart(deps: OrdersDeps, request: Request): Promise<Response> {
  const { call, cartToken } = socketPassOf(request);
  const name = await cartName(call, cartToken);
  if (name === undefined) throw new Error("a guest's cart is known by its token");
  return await deps.cart(name).fetch(request);
}
