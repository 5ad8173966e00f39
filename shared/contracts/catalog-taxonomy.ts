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
  .strictObject({
    name: TaxonomyName.describe("The category's name."),
    parentId: CategoryId.nullable()
      .default(null)
      .describe("The category to stand below. Null or left out: it is a department."),
  })
  .meta({ id: "NewCategory", description: "A category to make." });
export const CategoryChanges = z
  .strictObject({
    name: TaxonomyName.describe("The category's name."),
    parentId: CategoryId.nullable().describe("The category to stand below. Null makes a department of it."),
  })
  .partial()
  .meta({ id: "CategoryChanges", description: "What to change of a category. What is left out stays as it is." });
export type CategoryChanges = z.infer<typeof CategoryChanges>;

export const NewBrand = z
  .strictObject({ name: TaxonomyName.describe("The brand's name.") })
  .meta({ id: "NewBrand", description: "A brand to make." });
export const BrandChanges = NewBrand.partial().meta({ id: "BrandChanges", description: "What to change of a brand." });

export const ManagedCategory = z
  .object({
    id: z.string().describe("The category's id."),
    slug: z.string().describe("The category's name in URLs. It stays the same when the category is renamed."),
    name: z.string().describe("The category's name."),
    parentId: z.string().nullable().describe("The category that it stands below. Null for a department."),
    path: z.string().describe('Names from the department down, joined by " / ".'),
  })
  .meta({ id: "ManagedCategory", description: "A category as admins see it." });
export type ManagedCategory = z.infer<typeof ManagedCategory>;

export const CategoryInput = z.object({ categoryId: CategoryId.describe("The category's id.") });
export const UpdateCategoryInput = CategoryInput.extend({ changes: CategoryChanges });
export const BrandInput = z.object({ brandId: BrandId.describe("The brand's id.") });
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
