// A product as the shop shows it, from what the database has of it.
import type { Product } from "#shared/contracts/catalog";
import type { Availability } from "#shared/events/catalogue";

export interface ProductRow {
  readonly id: string;
  readonly slug: string;
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly price: number;
  readonly currency: string;
  readonly brandId: string;
  readonly brandName: string;
  readonly categoryId: string;
  readonly categoryName: string;
  readonly categoryPath: string;
  readonly availability: Availability;
  readonly weightGrams: number;
  readonly minOrderQuantity: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** JSON of `[[url, alt], …]`, in order. */
  readonly images: string;
}

export function toProduct(row: ProductRow): Product {
  const { id, slug, sku, name, description, price, currency, availability, weightGrams, minOrderQuantity } = row;
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
    images: (JSON.parse(row.images) as [string, string][]).map(([url, alt]) => ({ url, alt })),
    availability,
    weightGrams,
    minOrderQuantity,
    createdAt: new Date(row.createdAt).toISOString(),
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}
