// What admins do with the tree of categories and the list of brands. Slugs are made once and stay, so that links do not break.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { line } from "../text.ts";
import type { Brand } from "./catalog.ts";

/** Departments are the first level; a menu of more levels than this is read by nobody. */
export const MAX_CATEGORY_DEPTH = 6;

const TaxonomyName = line(100);
const CategoryId = idSchema("cat");
const BrandId = idSchema("brd");

export const NewCategory = z
  .object({
    name: TaxonomyName,
    /** Null or left out: a department. */
    parentId: CategoryId.nullable().default(null),
  })
  .meta({ id: "NewCategory" });
/** What is left out stays as it is; `parentId` null makes a department of it. */
export const CategoryChanges = z
  .object({ name: TaxonomyName, parentId: CategoryId.nullable() })
  .partial()
  .meta({ id: "CategoryChanges" });
export type CategoryChanges = z.infer<typeof CategoryChanges>;

export const NewBrand = z.object({ name: TaxonomyName }).meta({ id: "NewBrand" });
export const BrandChanges = NewBrand.partial().meta({ id: "BrandChanges" });

export const ManagedCategory = z
  .object({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    parentId: z.string().nullable(),
    /** Names from the department down, joined by " / ". */
    path: z.string(),
  })
  .meta({ id: "ManagedCategory" });
export type ManagedCategory = z.infer<typeof ManagedCategory>;

export const CategoryInput = z.object({ categoryId: CategoryId });
export const UpdateCategoryInput = CategoryInput.extend({ changes: CategoryChanges });
export const BrandInput = z.object({ brandId: BrandId });
export const UpdateBrandInput = BrandInput.extend({ changes: BrandChanges });

export interface CatalogTaxonomyContract {
  /** A new category behind its siblings. Fails with validation_failed for an unknown parent, category_too_deep. */
  createCategory(call: Call, input: z.input<typeof NewCategory>): Promise<Outcome<ManagedCategory>>;
  /**
   * Renames a category or moves it, with all below it, behind its new siblings; search and `path` of their products follow at once.
   * What changes nothing writes nothing. Fails with not_found, validation_failed for an unknown parent, category_cycle,
   * category_too_deep.
   */
  updateCategory(call: Call, input: z.input<typeof UpdateCategoryInput>): Promise<Outcome<ManagedCategory>>;
  /** Fails with not_found, and category_in_use while it has categories below it or products in any status. */
  deleteCategory(call: Call, input: z.input<typeof CategoryInput>): Promise<Outcome<null>>;
  createBrand(call: Call, input: z.input<typeof NewBrand>): Promise<Outcome<Brand>>;
  /** Renames a brand; search follows at once. Fails with not_found. */
  updateBrand(call: Call, input: z.input<typeof UpdateBrandInput>): Promise<Outcome<Brand>>;
  /** Fails with not_found, and brand_in_use while it has products in any status. */
  deleteBrand(call: Call, input: z.input<typeof BrandInput>): Promise<Outcome<null>>;
}
