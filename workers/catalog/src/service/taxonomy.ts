// The two ways to browse: the tree of categories and the list of brands.
import type { Brand, CategoryNode } from "#shared/contracts/catalog";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { buildTree } from "../domain/tree.ts";
import { readBrands, readCategories } from "../store/taxonomy.ts";
import type { CatalogDeps } from "./deps.ts";

export async function listCategories(deps: CatalogDeps): Promise<Outcome<{ readonly items: readonly CategoryNode[] }>> {
  return ok({ items: buildTree(await readCategories(deps.db)) });
}

export async function listBrands(deps: CatalogDeps): Promise<Outcome<{ readonly items: readonly Brand[] }>> {
  return ok({ items: await readBrands(deps.db) });
}
