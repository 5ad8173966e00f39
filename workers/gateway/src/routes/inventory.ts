// Stock: public levels, and staff's changes.
import * as z from "zod";
import type { Actor } from "#shared/call";
import {
  AdjustBody,
  CountBody,
  Level,
  ListLevelsInput,
  ListTransactionsInput,
  ListedLevel,
  LowStockInput,
  ManualReservation,
  ProductInput,
  PublicLevel,
  ReleaseInput,
  Released,
  ReserveInput,
  ThresholdBody,
  Transaction,
} from "#shared/contracts/inventory";
import { pageOf } from "#shared/paging";
import { ok } from "#shared/result";
import { replayedHeader, replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

/** Admins and the product's vendor get the whole level; everyone else gets its public part. */
function visibleLevel(
  actor: Actor,
  { vendorId, ...level }: Level & { readonly vendorId: string | null },
): PublicLevel | Level {
  const isOwner = actor.role === "vendor" && vendorId === actor.id;
  if (actor.role === "admin" || isOwner) return level;
  const { productId, available, status } = level;
  return { productId, available, status };
}

const VisibleLevel = z.union([Level, PublicLevel]).meta({
  id: "VisibleStockLevel",
  description: "The whole level for an admin and the product's vendor, else its public part.",
});
const StockLevelPage = pageOf(ListedLevel).meta({ id: "StockLevelPage", description: "One page of stock levels." });
const StockTransactionPage = pageOf(Transaction).meta({
  id: "StockTransactionPage",
  description: "One page of the stock ledger.",
});

export const inventoryRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/inventory",
    operationId: "listStockLevels",
    tag: "Inventory",
    summary: "Stock levels of all products; a vendor sees own products",
    access: "staff",
    limit: "read",
    query: ListLevelsInput,
    answers: { 200: StockLevelPage },
    errors: ["invalid_cursor"],
    handle: async ({ inventory }, { call, query }) => replyWith(200, await inventory.listLevels(call, query)),
  }),
  route({
    method: "get",
    path: "/api/inventory/transactions",
    operationId: "listStockTransactions",
    tag: "Inventory",
    summary: "The ledger, newest first; a vendor sees own products",
    access: "staff",
    limit: "read",
    query: ListTransactionsInput,
    answers: { 200: StockTransactionPage },
    errors: ["invalid_cursor"],
    handle: async ({ inventory }, { call, query }) => replyWith(200, await inventory.listTransactions(call, query)),
  }),
  route({
    method: "get",
    path: "/api/inventory/low-stock",
    operationId: "listLowStock",
    tag: "Inventory",
    summary: "Products at or under their threshold; a vendor sees own products",
    access: "staff",
    limit: "read",
    query: LowStockInput,
    answers: { 200: StockLevelPage },
    errors: ["invalid_cursor"],
    handle: async ({ inventory }, { call, query }) => replyWith(200, await inventory.listLowStock(call, query)),
  }),
  route({
    method: "post",
    path: "/api/inventory/reserve",
    operationId: "createReservation",
    tag: "Inventory",
    summary: "Reserve stock outside an order, all lines or none",
    access: "admin",
    limit: "write",
    body: ReserveInput,
    answers: { 201: ManualReservation },
    errors: ["insufficient_stock", "product_not_found", "reservation_conflict"],
    handle: async ({ inventory }, { call, body }) => replyWith(201, await inventory.reserve(call, body)),
  }),
  route({
    method: "post",
    path: "/api/inventory/release",
    operationId: "releaseReservation",
    tag: "Inventory",
    summary: "Release a reservation; repeating it changes nothing",
    access: "admin",
    limit: "write",
    body: ReleaseInput,
    answers: { 200: Released },
    errors: [],
    handle: async ({ inventory }, { call, body }) => replyWith(200, await inventory.release(call, body)),
  }),
  route({
    method: "get",
    path: "/api/inventory/{productId}",
    operationId: "getStockLevel",
    tag: "Inventory",
    summary: "A product's stock; the whole level for an admin and its vendor",
    access: "guest-or-user",
    limit: "read",
    params: ProductInput,
    answers: { 200: VisibleLevel },
    errors: ["product_not_found"],
    handle: async ({ inventory }, { call, params }) => {
      const level = await inventory.level(call, params);
      return level.ok ? replyWith(200, ok(visibleLevel(call.actor, level.value))) : level;
    },
  }),
  route({
    method: "post",
    path: "/api/inventory/{productId}/adjust",
    operationId: "adjustStock",
    tag: "Inventory",
    summary: "Change the stock on hand and write the ledger",
    access: "staff",
    limit: "write",
    idempotent: true,
    params: ProductInput,
    body: AdjustBody,
    answers: { 200: Level },
    errors: ["product_not_found", "stock_held", "idempotency_key_reused"],
    handle: async ({ inventory }, { call, params, body, idempotencyKey }) => {
      const adjusted = await inventory.adjust(call, { ...params, ...body, idempotencyKey });
      if (!adjusted.ok) return adjusted;
      return replyWith(200, ok(adjusted.value.level), replayedHeader(adjusted.value));
    },
  }),
  route({
    method: "post",
    path: "/api/inventory/{productId}/count",
    operationId: "countStock",
    tag: "Inventory",
    summary: "Set the stock on hand to the result of a stock take",
    access: "staff",
    limit: "write",
    idempotent: true,
    params: ProductInput,
    body: CountBody,
    answers: { 200: Level },
    errors: ["product_not_found", "stock_held", "idempotency_key_reused"],
    handle: async ({ inventory }, { call, params, body, idempotencyKey }) => {
      const counted = await inventory.count(call, { ...params, ...body, idempotencyKey });
      if (!counted.ok) return counted;
      return replyWith(200, ok(counted.value.level), replayedHeader(counted.value));
    },
  }),
  route({
    method: "put",
    path: "/api/inventory/{productId}/threshold",
    operationId: "updateStockThreshold",
    tag: "Inventory",
    summary: "Set a product's own low-stock threshold",
    access: "staff",
    limit: "write",
    params: ProductInput,
    body: ThresholdBody,
    answers: { 200: Level },
    errors: ["product_not_found"],
    handle: async ({ inventory }, { call, params, body }) =>
      replyWith(200, await inventory.setThreshold(call, { ...params, ...body })),
  }),
];
