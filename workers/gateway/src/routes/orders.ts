// Orders for buyers, and for staff what both may do: quote, create, read, cancel.
import * as z from "zod";
import {
  CancelOrderBody,
  CreateOrderBody,
  CreatedOrder,
  ListOrdersInput,
  Order,
  OrderTracking,
  OrderUpdate,
  Quote,
  QuoteBody,
} from "#shared/contracts/orders";
import { idSchema } from "#shared/ids";
import { pageOf } from "#shared/paging";
import { ok } from "#shared/result";
import { openSocket } from "../http/sockets.ts";
import { replayedHeader, replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

export const OrderParams = z.object({ orderId: idSchema("ord").describe("The order's id.") });

const OrderPage = pageOf(Order).meta({ id: "OrderPage", description: "One page of orders." });

export const orderRoutes: readonly Route[] = [
  route({
    method: "post",
    path: "/api/orders/quote",
    operationId: "quoteOrder",
    tag: "Orders",
    summary: "The price of the items, or of the cart; reserves nothing",
    access: "guest-or-user",
    limit: "write",
    cart: "accepted",
    body: QuoteBody,
    answers: { 200: Quote },
    errors: ["cart_empty", "product_not_found", "product_unavailable", "quantity_below_minimum", "coupon_not_found"],
    handle: async ({ orders }, { call, body, cartToken }) =>
      replyWith(200, await orders.quote(call, { ...body, cartToken })),
  }),
  route({
    method: "post",
    path: "/api/orders",
    operationId: "createOrder",
    tag: "Orders",
    summary: "Create an order of the items, or of the cart, and hold the stock",
    access: "guest-or-user",
    limit: "write",
    limitByBuyer: true,
    cart: "accepted",
    idempotent: true,
    body: CreateOrderBody,
    answers: { 201: CreatedOrder },
    errors: [
      "insufficient_stock",
      "cart_empty",
      "product_not_found",
      "product_unavailable",
      "quantity_below_minimum",
      "total_changed",
      "coupon_not_found",
      "too_many_open_orders",
      "quantity_limited",
      "cart_already_ordered",
      "idempotency_key_reused",
      "idempotency_in_progress",
    ],
    handle: async ({ orders }, { call, body, cartToken, idempotencyKey }) => {
      const created = await orders.createOrder(call, { ...body, cartToken, idempotencyKey });
      return created.ok ? replyWith(201, ok(created.value.order), replayedHeader(created.value)) : created;
    },
  }),
  route({
    method: "get",
    path: "/api/orders",
    operationId: "listOrders",
    tag: "Orders",
    summary: "Orders, newest first: the caller's purchases or sales; all for an admin",
    access: "user",
    limit: "read",
    query: ListOrdersInput,
    answers: { 200: OrderPage },
    errors: ["invalid_cursor", "forbidden"],
    handle: async ({ orders }, { call, query }) => replyWith(200, await orders.listOrders(call, query)),
  }),
  route({
    method: "get",
    path: "/api/orders/live",
    operationId: "watchOrders",
    tag: "Orders",
    summary: "WebSocket: each change of the user's orders as it happens",
    access: "user",
    limit: "read",
    socket: OrderUpdate,
    answers: { 101: null },
    errors: ["upgrade_required", "forbidden"],
    handle: ({ settings }, input) => openSocket(settings.sockets.orders, settings, input),
  }),
  route({
    method: "get",
    path: "/api/orders/{orderId}",
    operationId: "getOrder",
    tag: "Orders",
    summary: "One order with its history",
    access: "order-token-or-user",
    limit: "read",
    params: OrderParams,
    answers: { 200: Order },
    errors: ["not_found"],
    handle: async ({ orders }, { call, params, orderToken }) =>
      replyWith(200, await orders.getOrder(call, { ...params, orderToken })),
  }),
  route({
    method: "get",
    path: "/api/orders/{orderId}/tracking",
    operationId: "getOrderTracking",
    tag: "Orders",
    summary: "The tracking of the parcel",
    access: "order-token-or-user",
    limit: "read",
    params: OrderParams,
    answers: { 200: OrderTracking },
    errors: ["not_found"],
    handle: async ({ orders }, { call, params, orderToken }) =>
      replyWith(200, await orders.getTracking(call, { ...params, orderToken })),
  }),
  route({
    method: "post",
    path: "/api/orders/{orderId}/cancel",
    operationId: "cancelOrder",
    tag: "Orders",
    summary: "Cancel; cancelling again changes nothing. After a capture only an admin or the buyer may",
    access: "order-token-or-user",
    limit: "write",
    params: OrderParams,
    body: CancelOrderBody,
    bodyOptional: true,
    answers: { 200: Order },
    errors: ["not_found", "illegal_transition", "forbidden", "payment_provider_unavailable"],
    handle: async ({ orders }, { call, params, body, orderToken }) =>
      replyWith(200, await orders.cancelOrder(call, { ...params, ...body, orderToken })),
  }),
];
