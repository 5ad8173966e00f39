// Payments of orders. Stripe's webhook has no route here: it goes straight to the payments Worker.
import * as z from "zod";
import { CreateIntentBody } from "#shared/contracts/orders";
import {
  CaptureBody,
  ListAllPaymentsInput,
  Payment,
  PaymentIntent,
  Refund,
  RefundBody,
} from "#shared/contracts/payments";
import { idSchema } from "#shared/ids";
import { pageOf } from "#shared/paging";
import { ok } from "#shared/result";
import { replayedHeader, replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

const PaymentPage = pageOf(Payment).meta({ id: "PaymentPage", description: "One page of payments." });
const PaymentParams = z.object({ paymentId: idSchema("pay").describe("The payment's id.") });

const OrderPayments = z
  .object({ items: z.array(Payment).describe("The payments, oldest first.") })
  .meta({ id: "OrderPayments", description: "The payments of one order." });

export const paymentRoutes: readonly Route[] = [
  route({
    method: "post",
    path: "/api/payments/intent",
    operationId: "createPaymentIntent",
    tag: "Payments",
    summary: "Start the payment of an order, or resume the one that was started",
    access: "order-token-or-user",
    limit: "write",
    idempotent: true,
    body: CreateIntentBody,
    answers: { 201: PaymentIntent, 200: PaymentIntent },
    errors: [
      "not_found",
      "order_not_payable",
      "too_many_attempts",
      "idempotency_key_reused",
      "payment_provider_unavailable",
    ],
    handle: async ({ orders }, { call, body, orderToken, idempotencyKey }) => {
      const paid = await orders.payOrder(call, { ...body, orderToken, idempotencyKey });
      if (!paid.ok) return paid;
      const { intent, created } = paid.value;
      return replyWith(created ? 201 : 200, ok(intent), replayedHeader(paid.value));
    },
  }),
  route({
    method: "post",
    path: "/api/payments/{paymentId}/capture",
    operationId: "capturePayment",
    tag: "Payments",
    summary: "Capture all or part of the authorized amount; the rest is released",
    access: "admin",
    limit: "write",
    idempotent: true,
    params: PaymentParams,
    body: CaptureBody,
    bodyOptional: true,
    answers: { 200: Payment },
    errors: [
      "not_found",
      "payment_not_capturable",
      "amount_exceeds_authorized",
      "idempotency_key_reused",
      "payment_provider_unavailable",
    ],
    handle: async ({ payments }, { call, params, body, idempotencyKey }) => {
      const captured = await payments.capture(call, { ...params, ...body, idempotencyKey });
      if (!captured.ok) return captured;
      return replyWith(200, ok(captured.value.payment), replayedHeader(captured.value));
    },
  }),
  route({
    method: "post",
    path: "/api/payments/{paymentId}/refund",
    operationId: "refundPayment",
    tag: "Payments",
    summary: "Refund all or part of the captured amount",
    access: "admin",
    limit: "write",
    idempotent: true,
    params: PaymentParams,
    body: RefundBody,
    bodyOptional: true,
    answers: { 201: Refund },
    errors: [
      "not_found",
      "payment_not_refundable",
      "amount_exceeds_captured",
      "idempotency_key_reused",
      "payment_provider_unavailable",
    ],
    handle: async ({ payments }, { call, params, body, idempotencyKey }) => {
      const refunded = await payments.refund(call, { ...params, ...body, idempotencyKey });
      if (!refunded.ok) return refunded;
      return replyWith(201, ok(refunded.value.refund), replayedHeader(refunded.value));
    },
  }),
  route({
    method: "get",
    path: "/api/payments",
    operationId: "listPayments",
    tag: "Payments",
    summary: "The payments of all orders, newest first; with flagged=true those that need attention",
    access: "admin",
    limit: "read",
    query: ListAllPaymentsInput,
    answers: { 200: PaymentPage },
    errors: ["invalid_cursor"],
    handle: async ({ payments }, { call, query }) => replyWith(200, await payments.listAllPayments(call, query)),
  }),
  route({
    method: "get",
    path: "/api/payments/order/{orderId}",
    operationId: "listOrderPayments",
    tag: "Payments",
    summary: "An order's payments with their refunds and history",
    access: "order-token-or-user",
    limit: "read",
    params: z.object({ orderId: idSchema("ord").describe("The order's id.") }),
    answers: { 200: OrderPayments },
    errors: ["not_found"],
    handle: async ({ orders }, { call, params, orderToken }) =>
      replyWith(200, await orders.listOrderPayments(call, { ...params, orderToken })),
  }),
];
