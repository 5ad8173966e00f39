// Products as the public and other Workers read them, and the stock that inventory reports.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import { MAX_IMAGES_PER_PRODUCT } from "#shared/contracts/catalog-staff";
import type { PricedProduct, Product } from "#shared/contracts/catalog";
import { inJson, select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { EventData } from "#shared/events/catalogue";
import type { ProductRow } from "../domain/product.ts";
import { brands, categories, products } from "../schema.ts";

export const p = alias(products, "p");
const b = alias(brands, "b");
const c = alias(categories, "c");

/** The columns of a `ProductRow` but the images, from `products p` and PRODUCT_JOINS. */
export const PRODUCT_FIELDS = {
  id: p.id,
  slug: p.slug,
  sku: p.sku,
  name: p.name,
  description: p.description,
  price: p.price,
  currency: p.currency,
  brandId: b.id,
  brandName: b.name,
  categoryId: c.id,
  categoryName: c.name,
  categoryPath: c.path,
  availability: p.availability,
  weightGrams: p.weightGrams,
  minOrderQuantity: p.minOrderQuantity,
  createdAt: p.createdAt,
  updatedAt: p.updatedAt,
} as const;

export const PRODUCT_JOINS = sql`JOIN brands b ON b.id = p.brand_id JOIN categories c ON c.id = p.category_id`;

/** The first images of `products p` as JSON of `ProductImage[]`. */
export function imagesJson(limit: number): SQL<string> {
  return sql<string>`(SELECT json_group_array(json_object('url', url, 'alt', alt)) FROM
    (SELECT url, alt FROM product_images WHERE product_id = p.id ORDER BY position LIMIT ${limit}))`;
}

/** Parses the column of `imagesJson`. */
export function withImages<Row extends { readonly images: string }>(
  row: Row,
): Omit<Row, "images"> & { readonly images: Product["images"] } {
  const { images, ...rest } = row;
  return { ...rest, images: JSON.parse(images) as Product["images"] };
}

export interface DetailRow extends ProductRow {
  readonly available: number;
}

/** Ids have an underscore and slugs none, so the text says which of the two it is, and one index finds it. */
function named(idOrSlug: string): SQL {
  return idOrSlug.includes("_") ? sql`p.id = ${idOrSlug}` : sql`p.slug = ${idOrSlug}`;
}

const DETAIL_FIELDS = { ...PRODUCT_FIELDS, available: p.available, images: imagesJson(MAX_IMAGES_PER_PRODUCT) };

/** One active product with all its images. */
export async function readActiveProduct(db: Database, idOrSlug: string): Promise<DetailRow | undefined> {
  const row = await db.first(
    select(DETAIL_FIELDS, sql`FROM products p ${PRODUCT_JOINS} WHERE ${named(idOrSlug)} AND p.status = 'active'`),
  );
  return row === undefined ? undefined : withImages(row);
}

const PRICED_FIELDS = {
  id: products.id,
  sku: products.sku,
  name: products.name,
  unitPrice: products.price,
  currency: products.currency,
  imageUrl: sql<string>`coalesce((SELECT url FROM product_images WHERE product_id = products.id ORDER BY position LIMIT 1), '')`,
  weightGrams: products.weightGrams,
  minOrderQuantity: products.minOrderQuantity,
  status: products.status,
  vendorId: products.vendorId,
  availability: products.availability,
};

/** The data needed to sell these products, in any status. */
export async function readPricedProducts(db: Database, ids: readonly string[]): Promise<PricedProduct[]> {
  return await db.all(select(PRICED_FIELDS, sql`FROM products WHERE ${inJson(sql`id`, ids)}`));
}

/** Applies what inventory reports, unless a later report is known. `available` is never negative in the catalog. */
export function availabilityUpdate(report: EventData<"STOCK_AVAILABILITY_CHANGED">): SQL {
  return sql`UPDATE products SET availability = ${report.availability}, available = ${Math.max(0, report.available)},
      availability_sequence = ${report.sequence}
    WHERE id = ${report.productId} AND availability_sequence < ${report.sequence}`;
}

/** NULL while no product has this id. */
export function productExists(productId: string): SQL {
  return sql`(SELECT 1 FROM products WHERE id = ${productId})`;
}
