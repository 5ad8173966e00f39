// The tables of the inventory database, as the source of row types. migrations/inventory documents them.
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Availability } from "#shared/events/catalogue";
import type { Transaction } from "#shared/contracts/inventory";
import type { ReservationState } from "./domain/stock.ts";

export const stockLevels = sqliteTable("stock_levels", {
  productId: text("product_id").primaryKey(),
  sku: text("sku").notNull(),
  name: text("name").notNull(),
  vendorId: text("vendor_id"),
  productVersion: integer("product_version").notNull(),
  opening: integer("opening").notNull(),
  onHand: integer("on_hand").notNull(),
  reserved: integer("reserved").notNull(),
  available: integer("available").notNull(),
  lowStockThreshold: integer("low_stock_threshold"),
  threshold: integer("threshold").notNull(),
  availability: text("availability").$type<Availability>().notNull(),
  sequence: integer("sequence").notNull(),
  updatedAt: integer("updated_at").notNull(),
  reconciledAt: integer("reconciled_at").notNull(),
});

export const reservations = sqliteTable(
  "reservations",
  {
    productId: text("product_id").notNull(),
    owner: text("owner").notNull(),
    orderId: text("order_id"),
    quantity: integer("quantity").notNull(),
    state: text("state").$type<ReservationState>().notNull(),
    expiresAt: integer("expires_at"),
    updatedAt: integer("updated_at").notNull(),
    sequence: integer("sequence").notNull(),
    counted: integer("counted", { mode: "boolean" }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.productId, table.owner] })],
);

export const ledger = sqliteTable(
  "ledger",
  {
    id: text("id").notNull(),
    productId: text("product_id").notNull(),
    type: text("type").$type<Transaction["type"]>().notNull(),
    delta: integer("delta").notNull(),
    onHandAfter: integer("on_hand_after").notNull(),
    reference: text("reference"),
    actor: text("actor").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.createdAt, table.id] })],
);

export const manualReservations = sqliteTable("manual_reservations", {
  owner: text("owner").primaryKey(),
  generation: integer("generation").notNull(),
  items: text("items").notNull(),
  state: text("state").$type<"pending" | "held" | "failed" | "released">().notNull(),
  expiresAt: integer("expires_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});
export type ManualRow = typeof manualReservations.$inferSelect;

export const adjustmentKeys = sqliteTable(
  "adjustment_keys",
  {
    actor: text("actor").notNull(),
    key: text("key").notNull(),
    productId: text("product_id").notNull(),
    fingerprint: text("fingerprint").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.actor, table.key] })],
);
export type AdjustmentKey = typeof adjustmentKeys.$inferSelect;

/** Kept by triggers on stock_levels, but `reserved`, which a sweep adds up. */
export const stockTotals = sqliteTable("stock_totals", {
  availability: text("availability").$type<Availability>().primaryKey(),
  products: integer("products").notNull(),
  onHand: integer("on_hand").notNull(),
  reserved: integer("reserved").notNull(),
});
