// Where a category stands, and what a change of that comes to.
import { MAX_CATEGORY_DEPTH } from "#shared/contracts/catalog-taxonomy";
import type { CategoryChanges, ManagedCategory } from "#shared/contracts/catalog-taxonomy";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";

export interface CategoryPlace extends ManagedCategory {
  /** Ids from the department down, as `/a/b/`. */
  readonly idPath: string;
  /** The level of the deepest category at or below it; a department's own is 1. */
  readonly deepest: number;
}

/** What a category is put below. */
export type ParentPlace = Pick<CategoryPlace, "id" | "path" | "idPath">;

export interface CategoryMove {
  readonly name: string;
  readonly parentId: string | null;
  readonly path: string;
  readonly idPath: string;
}

export const TOO_DEEP = fail(
  "category_too_deep",
  `Categories stand at most ${String(MAX_CATEGORY_DEPTH)} levels deep.`,
);
export const UNKNOWN_PARENT = invalidInput([{ path: "parentId", message: "there is no such category" }]);

function levelOf(idPath: string): number {
  return idPath.split("/").length - 2;
}

/** `parent` is the one that the category will have; undefined for none, or when there is none by that id. */
export function planMove(
  category: CategoryPlace,
  changes: CategoryChanges,
  parent: ParentPlace | undefined,
): Outcome<CategoryMove> {
  const { name = category.name, parentId = category.parentId } = changes;
  if (parentId === null) return placed(category, name, undefined);
  if (parent === undefined) return UNKNOWN_PARENT;
  if (parent.idPath.startsWith(category.idPath)) {
    return fail("category_cycle", "A category cannot stand below itself, nor below one that stands below it.");
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
