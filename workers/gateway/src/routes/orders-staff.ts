// Orders for staff alone: references, tracking, status and refunds.
import { Order, OrderRefund, OrderTracking, TrackingBody } from "#shared/contracts/orders";
import { ChangeStatusBody, RefundLinesBody, UpdateOrderBody } from "#shared/contracts/orders-staff";
import { ok } from "#shared/result";
import { replayedHeader, replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";
import { OrderParams } from "./orders.ts";

export const orderStaffRoutes: readonly Route[] = [
  route({
    method: "patch",
    path: "/api/orders/{orderId}",
    operationId: "updateOrder",
    tag: "Orders",
    summary: "Set an external id and metadata, which only staff sees",
    access: "staff",
    limit: "write",
    params: OrderParams,
    body: UpdateOrderBody,
    answers: { 200: Order },
    errors: ["not_found", "external_id_taken"],
    handle: async ({ orders }, { call, params, body }) =>
      replyWith(200, await orders.updateOrder(call, { ...params, ...body })),
  }),
  route({
    method: "put",
    path: "/api/orders/{orderId}/tracking",
    operationId: "setOrderTracking",
    tag: "Orders",
    summary: "Set or change the tracking of a shipped order; the buyer is notified once per change",
    access: "staff",
    limit: "write",
    params: OrderParams,
    body: TrackingBody,
    answers: { 200: OrderTracking },
    errors: ["not_found", "illegal_transition"],
    handle: async ({ orders }, { call, params, body }) =>
      replyWith(200, await orders.setTracking(call, { ...params, tracking: body })),
  }),
  route({
    method: "patch",
    path: "/api/orders/{orderId}/status",
    operationId: "updateOrderStatus",
    tag: "Orders",
    summary: "Change the status; SHIPPED captures the payment first",
    access: "staff",
    limit: "write",
    params: OrderParams,
    body: ChangeStatusBody,
    answers: { 200: Order },
    errors: ["not_found", "illegal_transition", "payment_not_capturable", "payment_provider_unavailable"],
    handle: async ({ orders }, { call, params, body }) =>
      replyWith(200, await orders.changeStatus(call, { ...params, ...body })),
  }),
  route({
    method: "post",
    path: "/api/orders/{orderId}/refunds",
    operationId: "createOrderRefund",
    tag: "Orders",
    summary: "Refund lines at the order's prices, with or without restocking",
    access: "admin",
    limit: "write",
    idempotent: true,
    params: OrderParams,
    body: RefundLinesBody,
    answers: { 201: OrderRefund },
    errors: [
      "not_found",
      "refund_exceeds_order",
      "payment_not_refundable",
      "amount_exceeds_captured",
      "idempotency_key_reused",
      "idempotency_in_progress",
    ],
    handle: async ({ orders }, { call, params, body, idempotencyKey }) => {
      const refunded = await orders.refundLines(call, { ...params, ...body, idempotencyKey });
      return refunded.ok ? replyWith(201, ok(refunded.value.refund), replayedHeader(refunded.value)) : refunded;
    },
  }),
];
