// Tables of migrations/product whose columns give rows their types. Pictures are read as JSON (store/managed.ts), and the full-text
// index `product_search`, which triggers maintain, is no table that Drizzle can model.
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const categories = sqliteTable("categories", {
  id: text("id").primaryKey(),
  parentId: text("parent_id"),
  slug: text("slug").notNull(),
  name: text("name").notNull(),
  /** Names from the department to the category, joined by " / ". */
  path: text("path").notNull(),
  /** Ids in the same order, as `/a/b/`. */
  idPath: text("id_path").notNull(),
  position: integer("position").notNull(),
});

export const brands = sqliteTable("brands", {
  id: text("id").primaryKey(),
  slug: text("slug").notNull(),
  name: text("name").notNull(),
});

export const products = sqliteTable("products", {
  searchId: integer("search_id").primaryKey(),
  id: text("id").notNull(),
  slug: text("slug").notNull(),
  sku: text("sku").notNull(),
  name: text("name").notNull(),
  description: text("description").notNull(),
  /** Minor units. */
  price: integer("price").notNull(),
  currency: text("currency").notNull(),
  brandId: text("brand_id").notNull(),
  categoryId: text("category_id").notNull(),
  vendorId: text("vendor_id"),
  weightGrams: integer("weight_grams").notNull(),
  minOrderQuantity: integer("min_order_quantity").notNull(),
  status: text("status", { enum: ["active", "draft", "archived"] }).notNull(),
  version: integer("version").notNull(),
  availability: text("availability", { enum: ["in_stock", "low_stock", "out_of_stock"] }).notNull(),
  available: integer("available").notNull(),
  /** The sequence number of the report that set the two above. */
  availabilitySequence: integer("availability_sequence").notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
  externalId: text("external_id"),
  /** JSON of `Metadata`. */
  metadata: text("metadata"),
  /** Null only inside the trigger that sets it. */
  changeSeq: integer("change_seq").notNull(),
  /** This and the next: of the request that created the product; null without an Idempotency-Key. */
  requestKey: text("request_key"),
  fingerprint: text("fingerprint"),
});

/** Objects of the bucket that no picture points to, or does not yet. */
export const looseObjects = sqliteTable("loose_objects", {
  key: text("key").primaryKey(),
  createdAt: integer("created_at").notNull(),
});
