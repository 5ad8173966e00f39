// The tables of migrations/payment as types for queries. Constraints and indexes are in the migrations only.
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { PaymentState, Refund } from "#shared/contracts/payments";
import type { Cap } from "./domain/payment.ts";

export const payments = sqliteTable("payments", {
  id: text().primaryKey(),
  orderId: text("order_id").notNull(),
  orderNumber: text("order_number").notNull(),
  /** JSON of a Customer. */
  customer: text().notNull(),
  amount: integer().notNull(),
  amountCapturable: integer("amount_capturable").notNull().default(0),
  amountCaptured: integer("amount_captured").notNull().default(0),
  amountRefunded: integer("amount_refunded").notNull().default(0),
  currency: text().notNull(),
  status: text().$type<PaymentState>().notNull(),
  reason: text(),
  flag: text().$type<"amount_mismatch">(),
  version: integer().notNull().default(1),
  stripePaymentIntentId: text("stripe_payment_intent_id"),
  clientSecret: text("client_secret"),
  createGeneration: integer("create_generation").notNull().default(0),
  idempotencyKey: text("idempotency_key"),
  fingerprint: text(),
  correlationId: text("correlation_id").notNull(),
  attempts: integer().notNull().default(0),
  nextCheckAt: integer("next_check_at"),
  captureUntil: integer("capture_until"),
  expiryFlaggedAt: integer("expiry_flagged_at"),
  payer: text(),
  network: text(),
  stoppedBy: text("stopped_by").$type<Cap>(),
  /** Set by triggers: its own id once it is void. */
  voidId: text("void_id").notNull().default(""),
  /** JSON of the entries that this version writes. */
  history: text().notNull().default("[]"),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});
export type PaymentRow = typeof payments.$inferSelect;

/** The entries that were written before payments had their own. */
export const paymentHistory = sqliteTable("payment_history", {
  paymentId: text("payment_id").notNull(),
  version: integer().notNull(),
  status: text().$type<PaymentState>().notNull(),
  at: integer().notNull(),
  actor: text().notNull(),
  reason: text(),
});
export type HistoryRow = typeof paymentHistory.$inferSelect;

export const refunds = sqliteTable("refunds", {
  id: text().primaryKey(),
  paymentId: text("payment_id").notNull(),
  amount: integer().notNull(),
  currency: text().notNull(),
  status: text().$type<Refund["status"]>().notNull(),
  reason: text(),
  stripeRefundId: text("stripe_refund_id"),
  actor: text().notNull(),
  idempotencyKey: text("idempotency_key"),
  fingerprint: text(),
  attempts: integer().notNull().default(0),
  nextAttemptAt: integer("next_attempt_at"),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});
export type RefundRow = typeof refunds.$inferSelect;

export const disputes = sqliteTable("disputes", {
  id: text().primaryKey(),
  paymentId: text("payment_id").notNull(),
  amount: integer().notNull(),
  currency: text().notNull(),
  reason: text().notNull(),
  status: text().notNull(),
  amountWithdrawn: integer("amount_withdrawn").notNull(),
  evidenceDueAt: integer("evidence_due_at"),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});
export type DisputeRow = typeof disputes.$inferSelect;

export const captures = sqliteTable("captures", {
  actor: text().notNull(),
  idempotencyKey: text("idempotency_key").notNull(),
  fingerprint: text().notNull(),
  paymentId: text("payment_id").notNull(),
  amount: integer().notNull(),
  createdAt: integer("created_at").notNull(),
  capturedAt: integer("captured_at"),
});
export type CaptureRow = typeof captures.$inferSelect;

export const stripeEvents = sqliteTable("stripe_events", {
  id: text().primaryKey(),
  type: text().notNull(),
  payload: text().notNull(),
  receivedAt: integer("received_at").notNull(),
  processedAt: integer("processed_at"),
  attempts: integer().notNull().default(0),
  nextAttemptAt: integer("next_attempt_at"),
  error: text(),
});
export type StripeEventRow = typeof stripeEvents.$inferSelect;

/** The table `marks`: how far a sweep that works through time has come. */
export const cursors = sqliteTable("marks", {
  name: text().primaryKey(),
  at: integer().notNull(),
});

/** Kept by triggers on payments: see migrations/payment/0010_payment_counts.sql. */
export const revenueDays = sqliteTable(
  "revenue_days",
  {
    day: integer("day").notNull(),
    currency: text("currency").notNull(),
    captured: integer("captured").notNull(),
    refunded: integer("refunded").notNull(),
  },
  (table) => [primaryKey({ columns: [table.day, table.currency] })],
);
