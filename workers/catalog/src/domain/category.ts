// The tree of categories: how it is built from rows, and where a category is after a move.
import type { CategoryNode } from "#shared/contracts/catalog";
import { MAX_CATEGORY_DEPTH } from "#shared/contracts/catalog-taxonomy";
import type { CategoryChanges, ManagedCategory } from "#shared/contracts/catalog-taxonomy";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";

export interface CategoryPlace extends ManagedCategory {
  /** Ids from the department to the category, as `/a/b/`. */
  readonly idPath: string;
  /** The level of the deepest category at or below it. A department is on level 1. */
  readonly deepest: number;
}

/** The new parent of a category. */
export type ParentPlace = Pick<CategoryPlace, "id" | "path" | "idPath">;

export interface CategoryMove {
  readonly name: string;
  readonly parentId: string | null;
  readonly path: string;
  readonly idPath: string;
}

export const TOO_DEEP = fail(
  "category_too_deep",
  `The tree of categories has at most ${String(MAX_CATEGORY_DEPTH)} levels.`,
);
export const UNKNOWN_PARENT = invalidInput([{ path: "parentId", message: "there is no such category" }]);

function levelOf(idPath: string): number {
  return idPath.split("/").length - 2;
}

/**
 * Decides a change of a category. `parent` is its parent after the change; undefined for a department, or when no category has that
 * id. Fails with validation_failed, category_cycle, category_too_deep.
 */
export function planMove(
  category: CategoryPlace,
  changes: CategoryChanges,
  parent: ParentPlace | undefined,
): Outcome<CategoryMove> {
  const { name = category.name, parentId = category.parentId } = changes;
  if (parentId === null) return placed(category, name, undefined);
  if (parent === undefined) return UNKNOWN_PARENT;
  if (parent.idPath.startsWith(category.idPath)) {
    return fail("category_cycle", "A category cannot be below itself or one of its descendants.");
  }
  return placed(category, name, parent);
}

function placed(category: CategoryPlace, name: string, parent: ParentPlace | undefined): Outcome<CategoryMove> {
  const { id, idPath, deepest } = category;
  const moved = `${parent?.idPath ?? "/"}${id}/`;
  if (deepest + levelOf(moved) - levelOf(idPath) > MAX_CATEGORY_DEPTH) return TOO_DEEP;
  const path = parent === undefined ? name : `${parent.path} / ${name}`;
  return ok({ name, parentId: parent?.id ?? null, path, idPath: moved });
}

export interface CategoryRow extends Omit<CategoryNode, "productCount" | "children"> {
  readonly parentId: string | null;
  /** Active products of the category itself. */
  readonly ownCount: number;
}

/** Builds the tree with the number of products at and below each category. Siblings keep the order of the rows. */
export function buildTree(rows: readonly CategoryRow[]): CategoryNode[] {
  const byParent = Map.groupBy(rows, ({ parentId }) => parentId);
  const below = (parentId: string | null): CategoryNode[] =>
    (byParent.get(parentId) ?? []).map(({ id, slug, name, ownCount }) => {
      const children = below(id);
      const productCount = children.reduce((sum, child) => sum + child.productCount, ownCount);
      return { id, slug, name, productCount, children };
    });
  return below(null);
}
