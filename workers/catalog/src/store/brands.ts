// Brands as admins write them; the full-text index follows by trigger.
import { sql } from "drizzle-orm";
import type { Brand } from "#shared/contracts/catalog";
import { mustChange } from "#shared/database";
import type { Database, Statement } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";

export async function readBrand(db: Database, brandId: string): Promise<Brand | undefined> {
  const [brand] = await db.all<Brand>(sql`SELECT id, slug, name,
      (SELECT count(*) FROM products WHERE brand_id = brands.id AND status = 'active') AS productCount
    FROM brands WHERE id = ${brandId}`);
  return brand;
}

/** @throws UniqueViolation of slug. */
export async function insertBrand(
  deps: Deps,
  { id, slug, name }: Omit<Brand, "productCount">,
  audit: Statement,
): Promise<void> {
  await save(deps, [sql`INSERT INTO brands (id, slug, name) VALUES (${id}, ${slug}, ${name})`, audit]);
}

/** @throws StaleWrite when the brand is gone or has another name by now. */
export async function renameBrand(deps: Deps, read: Brand, name: string, audit: Statement): Promise<void> {
  await save(deps, [
    sql`UPDATE brands SET name = ${name} WHERE id = ${read.id} AND name = ${read.name}`,
    mustChange(),
    audit,
  ]);
}

/** @throws StaleWrite when there is no such brand, or it has products. */
export async function deleteBrand(deps: Deps, brandId: string, audit: Statement): Promise<void> {
  await save(deps, [
    sql`DELETE FROM brands WHERE id = ${brandId} AND NOT EXISTS (SELECT 1 FROM products WHERE brand_id = ${brandId})`,
    mustChange(),
    audit,
  ]);
}
