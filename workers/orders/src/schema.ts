// The tables of migrations/order that reads and inserts take their types from.
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { OrderRefund, OrderStatus, PaymentStatus, ShippingMethodId, StockStatus } from "#shared/contracts/orders";

export const orders = sqliteTable("orders", {
  id: text().primaryKey(),
  number: text().notNull(),
  customerId: text("customer_id"),
  customer: text().notNull(),
  status: text().$type<OrderStatus>().notNull(),
  currency: text().notNull(),
  subtotal: integer().notNull(),
  discount: integer().notNull(),
  shipping: integer().notNull(),
  tax: integer().notNull(),
  total: integer().notNull(),
  shippingAddress: text("shipping_address").notNull(),
  shippingMethod: text("shipping_method").$type<ShippingMethodId>().notNull(),
  paymentStatus: text("payment_status").$type<PaymentStatus>().notNull(),
  paymentVersion: integer("payment_version").notNull().default(0),
  stockStatus: text("stock_status").$type<StockStatus>().notNull(),
  paymentDueAt: integer("payment_due_at").notNull(),
  tracking: text(),
  reservationOwner: text("reservation_owner").notNull(),
  requestKey: text("request_key").notNull(),
  fingerprint: text().notNull(),
  correlationId: text("correlation_id").notNull(),
  accessTokenHash: text("access_token_hash"),
  vendorId: text("vendor_id"),
  eventData: text("event_data").notNull(),
  /** JSON of the entries that this version writes. */
  history: text().notNull().default("[]"),
  network: text(),
  endTriedAt: integer("end_tried_at").notNull().default(0),
  version: integer().notNull().default(1),
  externalId: text("external_id"),
  metadata: text(),
  // NULL only inside an INSERT: a trigger fills it in.
  changeSeq: integer("change_seq").notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});

/** The entries that were written before orders had their own. */
export const orderHistory = sqliteTable(
  "order_history",
  {
    orderId: text("order_id").notNull(),
    version: integer().notNull(),
    fromStatus: text("from_status").$type<OrderStatus>(),
    toStatus: text("to_status").$type<OrderStatus>().notNull(),
    at: integer().notNull(),
    actor: text().notNull(),
    reason: text(),
    tracking: text(),
  },
  (table) => [primaryKey({ columns: [table.orderId, table.version] })],
);

export const orderRefunds = sqliteTable("order_refunds", {
  id: text().primaryKey(),
  orderId: text("order_id").notNull(),
  paymentId: text("payment_id"),
  amount: integer().notNull(),
  shipping: integer().notNull(),
  currency: text().notNull(),
  status: text().$type<OrderRefund["status"]>().notNull(),
  lines: text().notNull(),
  reason: text(),
  actor: text().notNull(),
  idempotencyKey: text("idempotency_key"),
  fingerprint: text().notNull(),
  correlationId: text("correlation_id").notNull(),
  attempts: integer().notNull().default(1),
  nextAttemptAt: integer("next_attempt_at"),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});

export const carts = sqliteTable("carts", {
  id: text().primaryKey(),
  customer: text(),
  expiresAt: integer("expires_at").notNull(),
});
