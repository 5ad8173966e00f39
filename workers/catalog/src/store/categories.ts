// The tree of categories. One statement moves a category with all below it, and triggers update the full-text index.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { MAX_CATEGORY_DEPTH } from "#shared/contracts/catalog-taxonomy";
import type { CategoryChanges, ManagedCategory } from "#shared/contracts/catalog-taxonomy";
import { mustChange, readAll } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Statement } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { save } from "#shared/outbox";
import type { CategoryMove, CategoryPlace, CategoryRow, ParentPlace } from "../domain/category.ts";
import { categories } from "../schema.ts";

const { id, parentId, slug, name, path, idPath } = categories;

const LEVEL = sql`(length(id_path) - length(replace(id_path, '/', '')) - 1)`;

/** A category and all below it: one range, because "~" sorts after every character of an id. */
function below(ids: string): SQL {
  return sql`id_path >= ${ids} AND id_path < ${ids} || '~'`;
}

/** The position behind the last category below this parent. */
function lastPosition(parent: string | null): SQL {
  return sql`(SELECT coalesce(max(position), 0) + 1 FROM categories WHERE parent_id IS ${parent})`;
}

/** All categories, siblings in the shop's order. */
export async function readCategories(db: Database): Promise<CategoryRow[]> {
  const ownCount = sql<number>`coalesce(
    (SELECT own_products FROM shelves WHERE category_id = categories.id AND brand_id = ''), 0)`;
  return await db.all(
    select({ id, parentId, slug, name, ownCount }, sql`FROM categories ORDER BY position, categories.name`),
  );
}

/** A category before a change, and its parent after the change. */
export async function readForMove(
  db: Database,
  categoryId: string,
  changes: CategoryChanges,
): Promise<{ readonly category: CategoryPlace | undefined; readonly parent: ParentPlace | undefined }> {
  const current = sql`(SELECT parent_id FROM categories WHERE id = ${categoryId})`;
  const deepest = sql<number>`(SELECT max${LEVEL} FROM categories deeper
    WHERE deeper.id_path >= categories.id_path AND deeper.id_path < categories.id_path || '~')`;
  const { category, parent } = await readAll(db, {
    category: select(
      { id, slug, name, parentId, path, idPath, deepest },
      sql`FROM categories WHERE id = ${categoryId}`,
    ),
    parent: select(
      { id, path, idPath },
      sql`FROM categories WHERE id = ${changes.parentId === undefined ? current : changes.parentId}`,
    ),
  });
  return { category: category[0], parent: parent[0] };
}

export async function categoryExists(db: Database, categoryId: string): Promise<boolean> {
  return (await db.all(sql`SELECT 1 FROM categories WHERE id = ${categoryId}`)).length > 0;
}

/** @throws StaleWrite when the parent does not exist, or is on the deepest level; UniqueViolation of slug. */
export async function insertCategory(
  deps: Deps,
  category: Omit<ManagedCategory, "path">,
  audit: Statement,
): Promise<ManagedCategory> {
  const position = lastPosition(category.parentId);
  const { written } = await save(deps, {
    insert:
      category.parentId === null
        ? sql`INSERT INTO categories (id, parent_id, slug, name, path, id_path, position)
          VALUES (${category.id}, NULL, ${category.slug}, ${category.name}, ${category.name}, '/' || ${category.id} || '/', ${position})`
        : sql`INSERT INTO categories (id, parent_id, slug, name, path, id_path, position)
          SELECT ${category.id}, id, ${category.slug}, ${category.name}, path || ' / ' || ${category.name},
            id_path || ${category.id} || '/', ${position}
          FROM categories WHERE id = ${category.parentId} AND ${LEVEL} < ${MAX_CATEGORY_DEPTH}`,
    inserted: mustChange(),
    audit,
    written: select({ id, slug, name, parentId, path }, sql`FROM categories WHERE id = ${category.id}`),
  });
  const [row] = written.rows;
  if (row === undefined) throw new Error("a written category is not there");
  return row;
}

/** Aborts the batch unless category, parent and depth are as they were when the move was decided. */
function mustBeAsRead(category: CategoryPlace, parent: ParentPlace | undefined): SQL {
  const parentIsSame =
    parent === undefined
      ? sql`true`
      : sql`EXISTS (SELECT 1 FROM categories WHERE id = ${parent.id} AND path = ${parent.path} AND id_path = ${parent.idPath})`;
  return sql`SELECT json(iif(
    EXISTS (SELECT 1 FROM categories WHERE id = ${category.id} AND name = ${category.name} AND path = ${category.path}
        AND id_path = ${category.idPath})
      AND ${parentIsSame} AND (SELECT max${LEVEL} FROM categories WHERE ${below(category.idPath)}) = ${category.deepest},
    'true', 'stale write'))`;
}

/** Renames and moves a category, with all below it. @throws StaleWrite when the tree has changed since it was read. */
export async function moveCategory(
  deps: Deps,
  category: CategoryPlace,
  parent: ParentPlace | undefined,
  move: CategoryMove,
  audit: Statement,
): Promise<void> {
  const isThis = sql`id = ${category.id}`;
  const position = move.parentId === category.parentId ? sql`position` : lastPosition(move.parentId);
  await save(deps, {
    asRead: mustBeAsRead(category, parent),
    move: sql`UPDATE categories SET
        name = iif(${isThis}, ${move.name}, name),
        parent_id = iif(${isThis}, ${move.parentId}, parent_id),
        position = iif(${isThis}, ${position}, position),
        path = ${move.path} || substr(path, length(${category.path}) + 1),
        id_path = ${move.idPath} || substr(id_path, length(${category.idPath}) + 1)
      WHERE ${below(category.idPath)}`,
    audit,
  });
}

/** @throws StaleWrite when the category does not exist, or is not empty. */
export async function deleteCategory(deps: Deps, categoryId: string, audit: Statement): Promise<void> {
  await save(deps, {
    delete: sql`DELETE FROM categories WHERE id = ${categoryId}
      AND NOT EXISTS (SELECT 1 FROM products WHERE category_id = ${categoryId})
      AND NOT EXISTS (SELECT 1 FROM categories child WHERE child.parent_id = ${categoryId})`,
    deleted: mustChange(),
    audit,
  });
}
