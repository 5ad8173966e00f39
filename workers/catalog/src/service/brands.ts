// Brands: the public list, and the changes of admins.
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import type { Brand } from "#shared/contracts/catalog";
import type { BrandInput, NewBrand, UpdateBrandInput } from "#shared/contracts/catalog-taxonomy";
import { StaleWrite } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { retryOrRefuse } from "#shared/retry";
import { deleteBrand as remove, insertBrand, readBrand, readBrands, renameBrand } from "../store/brands.ts";
import type { CatalogDeps } from "./deps.ts";
import { withOwnSlug } from "./slugs.ts";

const UNKNOWN = fail("not_found", "There is no such brand.");

export async function listBrands(deps: CatalogDeps): Promise<Outcome<{ readonly items: readonly Brand[] }>> {
  return ok({ items: await readBrands(deps.db) });
}

export async function createBrand(
  deps: CatalogDeps,
  call: Call,
  { name }: z.output<typeof NewBrand>,
): Promise<Outcome<Brand>> {
  const id = newId("brd");
  const audit = auditInsert(call, deps.now(), { action: "brand.create", subject: id, details: { name } });
  return await withOwnSlug("brand", { id, name }, async (slug) => {
    await insertBrand(deps, { id, slug, name }, audit);
    return ok({ id, slug, name, productCount: 0 });
  });
}

export async function updateBrand(
  deps: CatalogDeps,
  call: Call,
  { brandId, changes }: z.output<typeof UpdateBrandInput>,
): Promise<Outcome<Brand>> {
  return await retryOrRefuse(async () => {
    const brand = await readBrand(deps.db, brandId);
    if (brand === undefined) return UNKNOWN;
    const { name = brand.name } = changes;
    if (name === brand.name) return ok(brand);
    const details = { name: { from: brand.name, to: name } };
    const audit = auditInsert(call, deps.now(), { action: "brand.update", subject: brandId, details });
    await renameBrand(deps, brand, name, audit);
    return ok({ ...brand, name });
  });
}

export async function deleteBrand(
  deps: CatalogDeps,
  call: Call,
  { brandId }: z.output<typeof BrandInput>,
): Promise<Outcome<null>> {
  const brand = await readBrand(deps.db, brandId);
  if (brand === undefined) return UNKNOWN;
  const details = { name: brand.name };
  const audit = auditInsert(call, deps.now(), { action: "brand.delete", subject: brandId, details });
  try {
    await remove(deps, brandId, audit);
    return ok(null);
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
    if ((await readBrand(deps.db, brandId)) === undefined) return UNKNOWN;
    return fail("brand_in_use", "The brand has products, in any status; give them another brand first.");
  }
}
