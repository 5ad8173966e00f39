// The tree of categories: the public view, and the changes of admins. A move is written only over the tree that it was decided on, so
// that two concurrent moves cannot make a cycle together.
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import type { CategoryNode } from "#shared/contracts/catalog";
import type {
  CategoryInput,
  ManagedCategory,
  NewCategory,
  UpdateCategoryInput,
} from "#shared/contracts/catalog-taxonomy";
import { StaleWrite } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { retryOrRefuse } from "#shared/retry";
import { TOO_DEEP, UNKNOWN_PARENT, buildTree, planMove } from "../domain/category.ts";
import type { CategoryMove, CategoryPlace } from "../domain/category.ts";
import {
  categoryExists,
  deleteCategory as remove,
  insertCategory,
  moveCategory,
  readCategories,
  readForMove,
} from "../store/categories.ts";
import type { CatalogDeps } from "./deps.ts";
import { withOwnSlug } from "./slugs.ts";

const UNKNOWN = fail("not_found", "There is no such category.");

export async function listCategories(deps: CatalogDeps): Promise<Outcome<{ readonly items: readonly CategoryNode[] }>> {
  return ok({ items: buildTree(await readCategories(deps.db)) });
}

export async function createCategory(
  deps: CatalogDeps,
  call: Call,
  { name, parentId }: z.output<typeof NewCategory>,
): Promise<Outcome<ManagedCategory>> {
  const id = newId("cat");
  const details = { name, parentId };
  const audit = auditInsert(call, deps.now(), { action: "category.create", subject: id, details });
  try {
    return ok(
      await withOwnSlug("category", { id, name }, (slug) => insertCategory(deps, { id, slug, name, parentId }, audit)),
    );
  } catch (error) {
    if (!(error instanceof StaleWrite) || parentId === null) throw error;
    return (await categoryExists(deps.db, parentId)) ? TOO_DEEP : UNKNOWN_PARENT;
  }
}

/** The old and new values of a change, for the audit log. */
function changesOf(category: CategoryPlace, move: CategoryMove): Readonly<Record<string, unknown>> {
  return {
    ...(move.name === category.name ? {} : { name: { from: category.name, to: move.name } }),
    ...(move.parentId === category.parentId ? {} : { parentId: { from: category.parentId, to: move.parentId } }),
  };
}

export async function updateCategory(
  deps: CatalogDeps,
  call: Call,
  { categoryId, changes }: z.output<typeof UpdateCategoryInput>,
): Promise<Outcome<ManagedCategory>> {
  return await retryOrRefuse(async () => {
    const { category, parent } = await readForMove(deps.db, categoryId, changes);
    if (category === undefined) return UNKNOWN;
    const planned = planMove(category, changes, parent);
    if (!planned.ok) return planned;
    const move = planned.value;
    const details = changesOf(category, move);
    if (Object.keys(details).length > 0) {
      const audit = auditInsert(call, deps.now(), { action: "category.update", subject: categoryId, details });
      await moveCategory(deps, category, parent, move, audit);
    }
    return ok({ id: category.id, slug: category.slug, name: move.name, parentId: move.parentId, path: move.path });
  });
}

export async function deleteCategory(
  deps: CatalogDeps,
  call: Call,
  { categoryId }: z.output<typeof CategoryInput>,
): Promise<Outcome<null>> {
  const { category } = await readForMove(deps.db, categoryId, {});
  if (category === undefined) return UNKNOWN;
  const details = { name: category.name, path: category.path };
  const audit = auditInsert(call, deps.now(), { action: "category.delete", subject: categoryId, details });
  try {
    await remove(deps, categoryId, audit);
    return ok(null);
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
    if (!(await categoryExists(deps.db, categoryId))) return UNKNOWN;
    return fail("category_in_use", "The category has products, in any status, or categories below it.");
  }
}
