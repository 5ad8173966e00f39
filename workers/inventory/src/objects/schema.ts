// The SQLite of one Stock object. Each table is declared once: its columns give rows their type, and `createTable` makes its
// CREATE TABLE from them and the constraints written here. Some columns keep an old name, because deployed objects have it.
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { AuditRow } from "#shared/audit";
import type { Transaction } from "#shared/contracts/inventory";
import type { Availability } from "#shared/events/catalogue";
import type { ReservationState } from "../domain/stock.ts";
import { createTable } from "./object-table.ts";

/** The one row of the product. CHECK (taken <= on_hand) refuses to oversell, whatever the code does. */
export const level = sqliteTable("level", {
  id: integer("id").$type<1>().primaryKey(),
  productId: text("product_id").notNull(),
  sku: text("sku").notNull(),
  name: text("name").notNull(),
  vendorId: text("vendor_id"),
  version: integer("product_version").notNull(),
  opening: integer("opening").notNull(),
  onHand: integer("on_hand").notNull(),
  /** Held and reserved together. Expired holds are in it until they are marked. */
  taken: integer("taken").notNull(),
  /** The part of `taken` that counts toward the share of buyers without proof. */
  takenCounted: integer("taken_counted").notNull(),
  /** Null where the shop's default applies. */
  ownThreshold: integer("own_threshold"),
  threshold: integer("threshold").notNull(),
  armed: integer("armed", { mode: "boolean" }).notNull(),
  availability: text("availability").$type<Availability>().notNull(),
  /** Counts the changes that D1 is to get. */
  sequence: integer("sequence").notNull(),
  /** The last of them that D1 has. */
  flushedSequence: integer("flushed_sequence").notNull(),
  /** What D1 has as reserved. */
  projectedTaken: integer("shown_taken").notNull(),
  purgedAt: integer("purged_at").notNull(),
});
export type LevelRow = typeof level.$inferSelect;

/** What an owner holds, reserved, took or gave back. */
export const reservations = sqliteTable("reservations", {
  owner: text("owner").primaryKey(),
  orderId: text("order_id"),
  quantity: integer("quantity").notNull(),
  state: text("state").$type<ReservationState>().notNull(),
  expiresAt: integer("expires_at"),
  /** The last attempt that made or found the hold. */
  attempt: text("attempt"),
  updatedAt: integer("updated_at").notNull(),
  /** The change that D1 has it from, or will; 0 when D1 is not to have it. */
  sequence: integer("sequence").notNull(),
  counted: integer("counted", { mode: "boolean" }).notNull().default(false),
});
export type ReservationRow = typeof reservations.$inferSelect;

/** Every change of on-hand, until D1 has had it for RETENTION_MS. */
export const ledger = sqliteTable("ledger", {
  id: text("id").primaryKey(),
  type: text("type").$type<Transaction["type"]>().notNull(),
  delta: integer("delta").notNull(),
  onHandAfter: integer("on_hand_after").notNull(),
  reference: text("reference"),
  actor: text("actor").notNull(),
  createdAt: integer("created_at").notNull(),
  sequence: integer("sequence").notNull(),
});
export type LedgerRow = typeof ledger.$inferSelect;

/** The sum of the ledger entries that only D1 has: opening + folded + ledger = on-hand. */
const folded = sqliteTable("folded", { id: integer("id").primaryKey(), delta: integer("delta").notNull() });

/** Returns of refunded orders. */
export const returns = sqliteTable("returns", {
  id: text("id").primaryKey(),
  owner: text("owner").notNull(),
  quantity: integer("quantity").notNull(),
  /** Whether on-hand went up: false when the goods had not left. */
  shelved: integer("shelved", { mode: "boolean" }).notNull(),
  createdAt: integer("created_at").notNull(),
});
export type ReturnRow = typeof returns.$inferSelect;

/** Idempotency-Keys of adjustments that were made. */
export const adjustments = sqliteTable("adjustments", {
  actor: text("actor").notNull(),
  key: text("key").notNull(),
  fingerprint: text("fingerprint").notNull(),
  createdAt: integer("created_at").notNull(),
});
export type AdjustmentRow = typeof adjustments.$inferSelect;

/** Events until they are in D1's outbox. */
export const events = sqliteTable("events", {
  id: text("id").primaryKey(),
  envelope: text("envelope").notNull(),
  sequence: integer("sequence").notNull(),
});
export type EventRow = typeof events.$inferSelect;

/** Audit rows until they are in D1. */
export const audit = sqliteTable("audit", {
  id: text("id").primaryKey(),
  row: text("row", { mode: "json" }).$type<AuditRow>().notNull(),
  sequence: integer("sequence").notNull(),
});

const TAKEN_COUNTED = "CHECK (taken_counted BETWEEN 0 AND taken)";
const COUNTED = "CHECK (counted IN (0, 1))";

/**
 * They keep `taken` and `taken_counted` equal to the rows, so that a hold does not add up thousands of them. They also count the change of a
 * row that D1 is to get, which saves writing the level twice.
 */
export const TRIGGERS = `
DROP TRIGGER IF EXISTS reservation_added;
DROP TRIGGER IF EXISTS reservation_changed;
DROP TRIGGER IF EXISTS reservation_removed;
CREATE TRIGGER reservation_added AFTER INSERT ON reservations WHEN NEW.state IN ('held', 'reserved')
BEGIN UPDATE level SET taken = taken + NEW.quantity, taken_counted = taken_counted + NEW.counted * NEW.quantity,
  sequence = max(sequence, NEW.sequence); END;
CREATE TRIGGER reservation_changed AFTER UPDATE OF state, quantity, counted ON reservations
BEGIN UPDATE level SET taken = taken - iif(OLD.state IN ('held', 'reserved'), OLD.quantity, 0)
    + iif(NEW.state IN ('held', 'reserved'), NEW.quantity, 0),
  taken_counted = taken_counted - iif(OLD.state IN ('held', 'reserved'), OLD.counted * OLD.quantity, 0)
    + iif(NEW.state IN ('held', 'reserved'), NEW.counted * NEW.quantity, 0),
  sequence = max(sequence, NEW.sequence); END;
CREATE TRIGGER reservation_removed AFTER DELETE ON reservations WHEN OLD.state IN ('held', 'reserved')
BEGIN UPDATE level SET taken = taken - OLD.quantity, taken_counted = taken_counted - OLD.counted * OLD.quantity; END;
`;

/** Makes the tables that decisions read. */
export const CREATE = `
${createTable(
  level,
  { id: "CHECK (id = 1)", onHand: "CHECK (on_hand >= 0)", taken: "CHECK (taken >= 0)", takenCounted: TAKEN_COUNTED },
  "CHECK (taken <= on_hand)",
)}
${createTable(reservations, {
  quantity: "CHECK (quantity >= 0)",
  state: "CHECK (state IN ('held', 'expired', 'reserved', 'consumed', 'released'))",
  counted: COUNTED,
})}
CREATE INDEX reservations_held ON reservations (expires_at, quantity) WHERE state = 'held';
CREATE INDEX reservations_changed ON reservations (sequence) WHERE sequence > 0;
${TRIGGERS}`;

/** Makes whatever is missing of the other tables. Needs the row in `level`. */
export const CREATE_RECORDS = `
${createTable(ledger)}
CREATE INDEX IF NOT EXISTS ledger_by_sequence ON ledger (sequence);
${createTable(folded, { id: "CHECK (id = 1)" })}
INSERT OR IGNORE INTO folded SELECT 1, on_hand - opening - (SELECT coalesce(sum(delta), 0) FROM ledger) FROM level;
${createTable(returns, { quantity: "CHECK (quantity > 0)", shelved: "CHECK (shelved IN (0, 1))" })}
CREATE INDEX IF NOT EXISTS returns_to_come ON returns (owner) WHERE shelved = 0;
${createTable(adjustments, {}, "PRIMARY KEY (actor, key)")}
${createTable(events)}
${createTable(audit)}
`;

/** Upgrades objects that an earlier version created. */
export const ADD_COUNTED = `
ALTER TABLE level ADD COLUMN taken_counted INTEGER NOT NULL DEFAULT 0 ${TAKEN_COUNTED};
ALTER TABLE reservations ADD COLUMN counted INTEGER NOT NULL DEFAULT 0 ${COUNTED};
${TRIGGERS}`;

/**
 * The reservations of one state, or the ledger's entries of one type, added up: copies of any size are compared by them. The sums
 * are text, because sums of times exceed 2^53.
 */
export type Figures = { readonly name: string; readonly rows: number; readonly sum: string };

/** The sums of Figures. D1's tables have these columns too. */
export const RESERVATION_SUM = `cast(sum(quantity) AS TEXT) || ':' || cast(sum(updated_at) AS TEXT) || ':'
  || cast(sum(max(sequence, 1)) AS TEXT) || ':' || cast(sum(coalesce(expires_at, 0)) AS TEXT) || ':'
  || cast(sum(length(owner)) AS TEXT) || ':' || cast(sum(counted) AS TEXT)`;
export const LEDGER_SUM = `cast(sum(delta) AS TEXT) || ':' || cast(sum(on_hand_after) AS TEXT) || ':'
  || cast(sum(created_at) AS TEXT)`;
