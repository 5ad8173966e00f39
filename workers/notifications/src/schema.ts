// The tables of migrations/notification as the types of their rows. The migrations define constraints and indexes.
import type { Channel } from "#shared/contracts/notifications";
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
  version: integer("version").notNull().default(1),
  updatedBy: text("updated_by"),
});

export const templateVersions = sqliteTable("template_versions", {
  kind: text("kind").notNull(),
  channel: text("channel", { enum: CHANNELS }).notNull(),
  locale: text("locale").notNull(),
  version: integer("version").notNull(),
  subject: text("subject").notNull(),
  textBody: text("text_body").notNull(),
  htmlBody: text("html_body").notNull(),
  updatedAt: integer("updated_at").notNull(),
  updatedBy: text("updated_by"),
});

export const preferences = sqliteTable("preferences", {
  userId: text("user_id").primaryKey(),
  channels: text("channels", { mode: "json" }).$type<Readonly<Record<string, readonly Channel[]>>>().notNull(),
  locale: text("locale"),
  updatedAt: integer("updated_at").notNull(),
});

export const phones = sqliteTable("phones", {
  userId: text("user_id").primaryKey(),
  phone: text("phone").notNull(),
  provenAt: integer("proven_at"),
  setAt: integer("set_at").notNull(),
});

export const pushSubscriptions = sqliteTable("push_subscriptions", {
  id: text("id").primaryKey(),
  userId: text("user_id").notNull(),
  endpoint: text("endpoint").notNull(),
  p256dh: text("p256dh").notNull(),
  auth: text("auth").notNull(),
  createdAt: integer("created_at").notNull(),
});
export type PushSubscriptionRow = typeof pushSubscriptions.$inferSelect;

export const lowStock = sqliteTable("low_stock", {
  productId: text("product_id").primaryKey(),
  sku: text("sku").notNull(),
  name: text("name").notNull(),
  available: integer("available").notNull(),
  threshold: integer("threshold").notNull(),
  reportedAt: integer("reported_at").notNull(),
});
export type LowStockRow = typeof lowStock.$inferSelect;

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
  status: text("status", { enum: ["pending", "sent", "failed", "held_back"] }).notNull(),
  attempts: integer("attempts").notNull(),
  nextAttemptAt: integer("next_attempt_at").notNull(),
  leasedUntil: integer("leased_until").notNull(),
  lastError: text("last_error"),
  createdAt: integer("created_at").notNull(),
  sentAt: integer("sent_at"),
  readAt: integer("read_at"),
  countedFor: text("counted_for"),
});
export type NotificationRow = typeof notifications.$inferSelect;
