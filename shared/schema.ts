// The tables that every database has: events and their delivery, the audit log and findings. Each domain Worker's own are in its schema.ts.
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { EventType } from "./events/catalogue.ts";

export const outbox = sqliteTable("outbox", {
  id: text().primaryKey(),
  type: text().$type<EventType>().notNull(),
  subject: text().notNull(),
  correlationId: text("correlation_id").notNull(),
  time: integer().notNull(),
  envelope: text().notNull(),
  /** Set in events published as confirmed; of the others outbox_confirmed tells. */
  confirmedAt: integer("confirmed_at"),
  /** Null only until the trigger has run. */
  seq: integer().notNull(),
});

/** One row: events up to this place are confirmed, but those in outbox_late. The view unconfirmed_events reads both. */
export const outboxConfirmed = sqliteTable("outbox_confirmed", {
  id: integer().primaryKey(),
  upTo: integer("up_to").notNull(),
});

export const outboxLate = sqliteTable("outbox_late", { seq: integer().primaryKey() });

export const inbox = sqliteTable("inbox", {
  eventId: text("event_id").primaryKey(),
  handledAt: integer("handled_at").notNull(),
});

export const inboxFailures = sqliteTable("inbox_failures", {
  eventId: text("event_id").primaryKey(),
  type: text().notNull(),
  attempts: integer().notNull(),
  error: text().notNull(),
  failedAt: integer("failed_at").notNull(),
  retryAt: integer("retry_at").notNull(),
});

export const deadLetters = sqliteTable("dead_letters", {
  eventId: text("event_id").primaryKey(),
  type: text().notNull(),
  subject: text().notNull(),
  envelope: text().notNull(),
  attempts: integer().notNull(),
  error: text().notNull(),
  deadAt: integer("dead_at").notNull(),
  replayedAt: integer("replayed_at"),
});

export const auditLog = sqliteTable("audit_log", {
  id: text().primaryKey(),
  at: integer().notNull(),
  actorId: text("actor_id").notNull(),
  actorRole: text("actor_role").notNull(),
  action: text().notNull(),
  subject: text().notNull(),
  requestId: text("request_id").notNull(),
  details: text().notNull(),
});

export const findings = sqliteTable(
  "findings",
  {
    kind: text().notNull(),
    subject: text().notNull(),
    details: text().notNull(),
    outcome: text().$type<"mended" | "open">().notNull(),
    times: integer().notNull().default(1),
    firstFoundAt: integer("first_found_at").notNull(),
    lastFoundAt: integer("last_found_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.kind, table.subject] })],
);
