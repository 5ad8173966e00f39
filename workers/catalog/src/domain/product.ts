// A product as the public sees it.
import type { Product } from "#shared/contracts/catalog";
import { fail } from "#shared/errors";

export const UNKNOWN_PRODUCT = fail("product_not_found", "There is no such product in the shop, or not any more.");

/** A stored product with its brand and category. Times in milliseconds since the epoch. */
export interface ProductRow extends Omit<Product, "brand" | "category" | "createdAt" | "updatedAt"> {
  readonly brandId: string;
  readonly brandName: string;
  readonly categoryId: string;
  readonly categoryName: string;
  readonly categoryPath: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Picks each member by name, so that no other column of the row becomes public. */
export function toProduct(row: ProductRow): Product {
  const { id, slug, sku, name, description, price, currency, images, availability, weightGrams, minOrderQuantity } =
    row;
  return {
    id,
    slug,
    sku,
    name,
    description,
    price,
    currency,
    brand: { id: row.brandId, name: row.brandName },
    category: { id: row.categoryId, name: row.categoryName, path: row.categoryPath },
    images,
    availability,
    weightGrams,
    minOrderQuantity,
    createdAt: new Date(row.createdAt).toISOString(),
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}
