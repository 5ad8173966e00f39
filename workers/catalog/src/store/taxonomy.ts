// Categories and brands, each with the number of its active products. The subqueries name the outer table in plain SQL:
// Drizzle leaves it out of a column when it selects from one table, and the name would then be the inner one.
import { asc, sql } from "drizzle-orm";
import type { Brand } from "#shared/contracts/catalog";
import type { Database } from "#shared/database";
import type { CategoryRow } from "../domain/tree.ts";
import { brands, categories } from "../schema.ts";

export async function readCategories(db: Database): Promise<CategoryRow[]> {
  return await db
    .select({
      id: categories.id,
      parentId: categories.parentId,
      slug: categories.slug,
      name: categories.name,
      ownCount: sql<number>`(SELECT count(*) FROM products WHERE category_id = categories.id AND status = 'active')`,
    })
    .from(categories)
    .orderBy(asc(categories.position), asc(categories.name));
}

export async function readBrands(db: Database): Promise<Brand[]> {
  return await db
    .select({
      id: brands.id,
      slug: brands.slug,
      name: brands.name,
      productCount: sql<number>`(SELECT count(*) FROM products WHERE brand_id = brands.id AND status = 'active')`,
    })
    .from(brands)
    .orderBy(asc(brands.name));
}
