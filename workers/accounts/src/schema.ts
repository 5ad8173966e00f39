// The tables of migrations/auth, as the source of row types. Constraints and indexes are in the migrations.
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const users = sqliteTable("users", {
  id: text("id").primaryKey(),
  email: text("email").notNull(),
  name: text("name").notNull(),
  role: text("role", { enum: ["customer", "vendor", "admin"] }).notNull(),
  passwordHash: text("password_hash").notNull(),
  createdAt: integer("created_at").notNull(),
  emailVerifiedAt: integer("email_verified_at"),
});
export type UserRow = typeof users.$inferSelect;

export const tokenFamilies = sqliteTable("token_families", {
  id: text("id").primaryKey(),
  userId: text("user_id").notNull(),
  createdAt: integer("created_at").notNull(),
  expiresAt: integer("expires_at").notNull(),
  endsAt: integer("ends_at").notNull(),
  lastUsedAt: integer("last_used_at").notNull(),
  endedAt: integer("ended_at"),
  endedBy: text("ended_by", { enum: ["logout", "reuse", "password", "role"] }),
});
export type FamilyRow = typeof tokenFamilies.$inferSelect;

export const refreshTokens = sqliteTable("refresh_tokens", {
  tokenHash: text("token_hash").primaryKey(),
  familyId: text("family_id").notNull(),
  createdAt: integer("created_at").notNull(),
  expiresAt: integer("expires_at").notNull(),
  usedAt: integer("used_at"),
});

export const mailTokens = sqliteTable("mail_tokens", {
  tokenHash: text("token_hash").primaryKey(),
  userId: text("user_id").notNull(),
  purpose: text("purpose", { enum: ["password_reset", "email_verification"] }).notNull(),
  createdAt: integer("created_at").notNull(),
  expiresAt: integer("expires_at").notNull(),
});
export type MailTokenRow = typeof mailTokens.$inferSelect;

export const signingKeys = sqliteTable("signing_keys", {
  generation: integer("generation").primaryKey(),
  kid: text("kid").notNull(),
  publicJwk: text("public_jwk").notNull(),
  privateJwe: text("private_jwe").notNull(),
  createdAt: integer("created_at").notNull(),
  activeFrom: integer("active_from").notNull(),
});
export type SigningKeyRow = typeof signingKeys.$inferSelect;
