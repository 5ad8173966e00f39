// The tables of migrations/notification as Drizzle sees them; the migrations are the truth about constraints and indexes.
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

const CHANNELS = ["email", "sms", "push"] as const;

export const templates = sqliteTable("templates", {
  kind: text("kind").notNull(),
  channel: text("channel", { enum: CHANNELS }).notNull(),
  locale: text("locale").notNull(),
  subject: text("subject").notNull(),
  textBody: text("text_body").notNull(),
  htmlBody: text("html_body").notNull(),
  variables: text("variables", { mode: "json" }).$type<readonly string[]>().notNull(),
  updatedAt: integer("updated_at").notNull(),
});

export const notifications = sqliteTable("notifications", {
  id: text("id").primaryKey(),
  eventId: text("event_id").notNull(),
  about: text("about").notNull(),
  audience: text("audience", { enum: ["user", "admins"] }).notNull(),
  userId: text("user_id"),
  recipient: text("recipient").notNull(),
  channel: text("channel", { enum: CHANNELS }).notNull(),
  template: text("template").notNull(),
  locale: text("locale").notNull(),
  subject: text("subject").notNull(),
  textBody: text("text_body").notNull(),
  htmlBody: text("html_body").notNull(),
  status: text("status", { enum: ["pending", "sent", "failed"] }).notNull(),
  attempts: integer("attempts").notNull(),
  nextAttemptAt: integer("next_attempt_at").notNull(),
  leasedUntil: integer("leased_until").notNull(),
  lastError: text("last_error"),
  createdAt: integer("created_at").notNull(),
  sentAt: integer("sent_at"),
  readAt: integer("read_at"),
});
export type NotificationRow = typeof notifications.$inferSelect;
