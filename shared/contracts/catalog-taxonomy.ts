// The contract of the catalog Worker for admins: the tree of categories and the brands. A slug never changes, so that links do not break.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { line } from "../text.ts";
import type { Brand } from "./catalog.ts";

/** Departments are the first level. Nobody reads a menu with more levels. */
export const MAX_CATEGORY_DEPTH = 6;

const TaxonomyName = line(100);
const CategoryId = idSchema("cat");
const BrandId = idSchema("brd");

export const NewCategory = z
  .strictObject({
    name: TaxonomyName.describe("The category's name."),
    parentId: CategoryId.nullable().default(null).describe("The parent category. Default null: a department."),
  })
  .meta({ id: "NewCategory", description: "A category to create." });
export const CategoryChanges = z
  .strictObject({
    name: TaxonomyName.describe("The category's name."),
    parentId: CategoryId.nullable().describe("The parent category. Null makes it a department."),
  })
  .partial()
  .meta({ id: "CategoryChanges", description: "The changes of a category. Members that are left out stay." });
export type CategoryChanges = z.infer<typeof CategoryChanges>;

export const NewBrand = z
  .strictObject({ name: TaxonomyName.describe("The brand's name.") })
  .meta({ id: "NewBrand", description: "A brand to create." });
export const BrandChanges = NewBrand.partial().meta({ id: "BrandChanges", description: "The changes of a brand." });

export const ManagedCategory = z
  .object({
    id: z.string().describe("The category's id."),
    slug: z.string().describe("The category's name in URLs. It stays the same when the category is renamed."),
    name: z.string().describe("The category's name."),
    parentId: z.string().nullable().describe("The parent category. Null for a department."),
    path: z.string().describe('Names from the department down, joined by " / ".'),
  })
  .meta({ id: "ManagedCategory", description: "A category as admins see it." });
export type ManagedCategory = z.infer<typeof ManagedCategory>;

export const CategoryInput = z.object({ categoryId: CategoryId.describe("The category's id.") });
export const UpdateCategoryInput = CategoryInput.extend({ changes: CategoryChanges });
export const BrandInput = z.object({ brandId: BrandId.describe("The brand's id.") });
export const UpdateBrandInput = BrandInput.extend({ changes: BrandChanges });

export interface CatalogTaxonomyContract {
  /** Creates a category behind its siblings. Fails with validation_failed for an unknown parent, category_too_deep. */
  createCategory(call: Call, input: z.input<typeof NewCategory>): Promise<Outcome<ManagedCategory>>;
  /**
   * Renames a category, or moves it with all below it behind its new siblings. Updates search and `path` of their products in the
   * same commit. Equal values write nothing. Fails with not_found, validation_failed for an unknown parent, category_cycle,
   * category_too_deep.
   */
  updateCategory(call: Call, input: z.input<typeof UpdateCategoryInput>): Promise<Outcome<ManagedCategory>>;
  /** Deletes an empty category. Fails with not_found, and category_in_use while it has subcategories or products in any status. */
  deleteCategory(call: Call, input: z.input<typeof CategoryInput>): Promise<Outcome<null>>;
  createBrand(call: Call, input: z.input<typeof NewBrand>): Promise<Outcome<Brand>>;
  /** Renames a brand, and updates search in the same commit. Fails with not_found. */
  updateBrand(call: Call, input: z.input<typeof UpdateBrandInput>): Promise<Outcome<Brand>>;
  /** Deletes a brand without products. Fails with not_found, and brand_in_use while it has products in any status. */
  deleteBrand(call: Call, input: z.input<typeof BrandInput>): Promise<Outcome<null>>;
}
