// Brands. Triggers update the full-text index.
import { sql } from "drizzle-orm";
import type { Brand } from "#shared/contracts/catalog";
import { mustChange } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Statement } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { save } from "#shared/outbox";
import { brands } from "../schema.ts";

const FIELDS = {
  id: brands.id,
  slug: brands.slug,
  name: brands.name,
  productCount: sql<number>`coalesce((SELECT products FROM shelves WHERE category_id = '' AND brand_id = brands.id), 0)`,
};

export async function readBrands(db: Database): Promise<Brand[]> {
  return await db.all(select(FIELDS, sql`FROM brands ORDER BY name`));
}

export async function readBrand(db: Database, brandId: string): Promise<Brand | undefined> {
  return await db.first(select(FIELDS, sql`FROM brands WHERE id = ${brandId}`));
}

/** @throws UniqueViolation of slug. */
export async function insertBrand(
  deps: Deps,
  { id, slug, name }: Omit<Brand, "productCount">,
  audit: Statement,
): Promise<void> {
  await save(deps, { brand: sql`INSERT INTO brands (id, slug, name) VALUES (${id}, ${slug}, ${name})`, audit });
}

/** @throws StaleWrite when the brand is gone, or its name has changed since it was read. */
export async function renameBrand(deps: Deps, read: Brand, name: string, audit: Statement): Promise<void> {
  await save(deps, {
    rename: sql`UPDATE brands SET name = ${name} WHERE id = ${read.id} AND name = ${read.name}`,
    renamed: mustChange(),
    audit,
  });
}

/** @throws StaleWrite when the brand does not exist, or has products. */
export async function deleteBrand(deps: Deps, brandId: string, audit: Statement): Promise<void> {
  await save(deps, {
    delete: sql`DELETE FROM brands WHERE id = ${brandId} AND NOT EXISTS (SELECT 1 FROM products WHERE brand_id = ${brandId})`,
    deleted: mustChange(),
    audit,
  });
}
