// The tables, as migrations/product makes them. The full-text index `product_search` is kept by triggers and is not a table
// that Drizzle can model: store/listing.ts reads it in SQL.
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const categories = sqliteTable("categories", {
  id: text("id").primaryKey(),
  parentId: text("parent_id"),
  slug: text("slug").notNull(),
  name: text("name").notNull(),
  /** Names from the department down, joined by " / ". */
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
  /** The stock object's own number of the event that set the two above. */
  availabilitySequence: integer("availability_sequence").notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
  /** Of the request that made the product; null without an Idempotency-Key. */
  externalId: text("external_id"),
  metadata: text(),
  changeSeq: integer("change_seq"),
  requestKey: text("request_key"),
  fingerprint: text("fingerprint"),
});

export const productImages = sqliteTable(
  "product_images",
  {
    productId: text("product_id").notNull(),
    position: integer("position").notNull(),
    url: text("url").notNull(),
    alt: text("alt").notNull(),
    /** This and all below but the last: null of a picture that was not uploaded. */
    id: text("id"),
    contentHash: text("content_hash"),
    contentType: text("content_type", { enum: ["image/png", "image/jpeg", "image/webp", "image/avif"] }),
    width: integer("width"),
    height: integer("height"),
    sizeBytes: integer("size_bytes"),
    /** The number of a picture that was not uploaded, once it may stand elsewhere than at that position. */
    drawing: integer("drawing"),
  },
  (table) => [primaryKey({ columns: [table.productId, table.position] })],
);

/** Objects of the bucket that no picture points to, or not yet. */
export const looseObjects = sqliteTable("loose_objects", {
  key: text("key").primaryKey(),
  createdAt: integer("created_at").notNull(),
});
