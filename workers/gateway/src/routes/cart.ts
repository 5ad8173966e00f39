// The cart of a user, or of a guest by X-Cart-Token.
import * as z from "zod";
import { AddItemBody, Cart, ChangeItemBody, MergeCartBody, MergedCart } from "#shared/contracts/carts";
import type { Outcome } from "#shared/errors";
import { idSchema } from "#shared/ids";
import { openSocket } from "../http/sockets.ts";
import { replyWith, route } from "../route.ts";
import type { Reply, Route } from "../route.ts";

const ItemParams = z.object({ itemId: idSchema("itm").describe("The line's id.") });

/** A cart with its version as ETag, and for a guest with the cart token. */
function cartReply(status: number, cart: Outcome<Cart>, cartToken: string | undefined): Outcome<Reply> {
  if (!cart.ok) return cart;
  return replyWith(status, cart, {
    etag: `"${String(cart.value.version)}"`,
    ...(cartToken === undefined ? {} : { "x-cart-token": cartToken }),
  });
}

export const cartRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/cart",
    operationId: "getCart",
    tag: "Cart",
    summary: "The cart with its products' current prices",
    access: "guest-or-user",
    limit: "read",
    cart: "own",
    versioned: true,
    answers: { 200: Cart },
    errors: [],
    handle: async ({ orders }, { call, cartToken }) =>
      cartReply(200, await orders.getCart(call, { cartToken }), cartToken),
  }),
  route({
    method: "get",
    path: "/api/cart/live",
    operationId: "watchCart",
    tag: "Cart",
    summary: "WebSocket: the cart on connect and after each change, from any device",
    access: "guest-or-user",
    limit: "read",
    cart: "accepted",
    socket: Cart,
    answers: { 101: null },
    errors: ["upgrade_required", "forbidden"],
    handle: ({ settings }, input) => openSocket(settings.sockets.cart, settings, input),
  }),
  route({
    method: "post",
    path: "/api/cart/items",
    operationId: "addCartItem",
    tag: "Cart",
    summary: "Add a product; adding it again raises the quantity",
    access: "guest-or-user",
    limit: "write",
    cart: "own",
    ifMatch: true,
    body: AddItemBody,
    answers: { 201: Cart },
    errors: [
      "product_not_found",
      "insufficient_stock",
      "quantity_below_minimum",
      "too_many_lines",
      "cart_closed",
      "cart_version_conflict",
    ],
    handle: async ({ orders }, { call, body, cartToken, ifVersion }) =>
      cartReply(201, await orders.addItem(call, { ...body, cartToken, ifVersion }), cartToken),
  }),
  route({
    method: "patch",
    path: "/api/cart/items/{itemId}",
    operationId: "updateCartItem",
    tag: "Cart",
    summary: "Set a line's quantity; 0 removes it",
    access: "guest-or-user",
    limit: "write",
    cart: "own",
    ifMatch: true,
    params: ItemParams,
    body: ChangeItemBody,
    answers: { 200: Cart },
    errors: [
      "not_found",
      "product_not_found",
      "insufficient_stock",
      "quantity_below_minimum",
      "cart_closed",
      "cart_version_conflict",
    ],
    handle: async ({ orders }, { call, params, body, cartToken, ifVersion }) =>
      cartReply(200, await orders.changeItem(call, { ...params, ...body, cartToken, ifVersion }), cartToken),
  }),
  route({
    method: "delete",
    path: "/api/cart/items/{itemId}",
    operationId: "deleteCartItem",
    tag: "Cart",
    summary: "Remove a line",
    access: "guest-or-user",
    limit: "write",
    cart: "own",
    ifMatch: true,
    params: ItemParams,
    answers: { 200: Cart },
    errors: ["not_found", "cart_closed", "cart_version_conflict"],
    handle: async ({ orders }, { call, params, cartToken, ifVersion }) =>
      cartReply(200, await orders.removeItem(call, { ...params, cartToken, ifVersion }), cartToken),
  }),
  route({
    method: "post",
    path: "/api/cart/clear",
    operationId: "clearCart",
    tag: "Cart",
    summary: "Remove every line",
    access: "guest-or-user",
    limit: "write",
    cart: "own",
    ifMatch: true,
    answers: { 200: Cart },
    errors: ["cart_closed", "cart_version_conflict"],
    handle: async ({ orders }, { call, cartToken, ifVersion }) =>
      cartReply(200, await orders.clearCart(call, { cartToken, ifVersion }), cartToken),
  }),
  route({
    method: "post",
    path: "/api/cart/merge",
    operationId: "mergeCart",
    tag: "Cart",
    summary: "Merge a guest's cart into the user's, once, and close it; the answer lists what did not fit",
    access: "user",
    limit: "write",
    ifMatch: true,
    body: MergeCartBody,
    answers: { 200: MergedCart },
    errors: ["cart_closed", "idempotency_in_progress", "cart_version_conflict"],
    handle: async ({ orders }, { call, body, ifVersion }) =>
      cartReply(200, await orders.mergeCart(call, { ...body, ifVersion }), undefined),
  }),
];
