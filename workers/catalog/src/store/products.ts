// Single products, and what other Workers need of several. Subqueries name the outer table in plain SQL, see taxonomy.ts.
import { and, eq, or, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { PricedProduct } from "#shared/contracts/catalog";
import { inJson } from "#shared/database";
import type { Database } from "#shared/database";
import type { ProductRow } from "../domain/product.ts";
import { brands, categories, products } from "../schema.ts";

export interface DetailRow extends ProductRow {
  readonly available: number;
}

/** One active product with all its images. */
export async function readActiveProduct(db: Database, idOrSlug: string): Promise<DetailRow | undefined> {
  const rows = await db
    .select({
      id: products.id,
      slug: products.slug,
      sku: products.sku,
      name: products.name,
      description: products.description,
      price: products.price,
      currency: products.currency,
      brandId: brands.id,
      brandName: brands.name,
      categoryId: categories.id,
      categoryName: categories.name,
      categoryPath: categories.path,
      availability: products.availability,
      available: products.available,
      weightGrams: products.weightGrams,
      minOrderQuantity: products.minOrderQuantity,
      createdAt: products.createdAt,
      updatedAt: products.updatedAt,
      images: sql<string>`(SELECT json_group_array(json_array(url, alt)) FROM
        (SELECT url, alt FROM product_images WHERE product_id = products.id ORDER BY position))`,
    })
    .from(products)
    .innerJoin(brands, eq(brands.id, products.brandId))
    .innerJoin(categories, eq(categories.id, products.categoryId))
    .where(and(or(eq(products.id, idOrSlug), eq(products.slug, idOrSlug)), eq(products.status, "active")));
  return rows[0];
}

/**
 * What it takes to sell these products, whatever their status. As plain SQL:
 * Drizzle takes longer to build it than SQLite to run it.
 */
export async function readPricedProducts(db: Database, ids: readonly string[]): Promise<PricedProduct[]> {
  return await db.all<PricedProduct>(sql`SELECT id, sku, name, price AS unitPrice, currency,
      coalesce((SELECT url FROM product_images WHERE product_id = products.id ORDER BY position LIMIT 1), '') AS imageUrl,
      weight_grams AS weightGrams, min_order_quantity AS minOrderQuantity, status, vendor_id AS vendorId, availability
    FROM products WHERE ${inJson(sql`id`, ids)}`);
}

/** Takes over what inventory tells, unless something newer is known. `available` is never negative in a list. */
export function availabilityUpdate(told: {
  readonly productId: string;
  readonly availability: PricedProduct["availability"];
  readonly available: number;
  readonly sequence: number;
}): SQL {
  return sql`UPDATE products SET availability = ${told.availability}, available = ${Math.max(0, told.available)},
      availability_sequence = ${told.sequence}
    WHERE id = ${told.productId} AND availability_sequence < ${told.sequence}`;
}

/** NULL while no product has this id. */
export function productExists(productId: string): SQL {
  return sql`(SELECT 1 FROM products WHERE id = ${productId})`;
}
