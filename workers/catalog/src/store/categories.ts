// The tree of categories as admins write it. `path` and `id_path` of all below a category are written in the one statement that
// moves it; the full-text index follows by trigger.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { MAX_CATEGORY_DEPTH } from "#shared/contracts/catalog-taxonomy";
import type { CategoryChanges, ManagedCategory } from "#shared/contracts/catalog-taxonomy";
import { mustChange, readAll } from "#shared/database";
import type { Database, Statement } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import type { CategoryMove, CategoryPlace, ParentPlace } from "../domain/category.ts";

const LEVEL = sql`(length(id_path) - length(replace(id_path, '/', '')) - 1)`;

/** A category and all below it: one range, since "~" sorts after all that an id may hold. */
function below(idPath: string): SQL {
  return sql`id_path >= ${idPath} AND id_path < ${idPath} || '~'`;
}

/** A category before a change, and the one that it will stand below. */
export async function readForMove(
  db: Database,
  categoryId: string,
  { parentId }: CategoryChanges,
): Promise<{ readonly category: CategoryPlace | undefined; readonly parent: ParentPlace | undefined }> {
  const asked = parentId === undefined ? sql`(SELECT parent_id FROM categories WHERE id = ${categoryId})` : parentId;
  const [[category], [parent]] = await readAll<[CategoryPlace, ParentPlace]>(db, [
    sql`SELECT id, slug, name, parent_id AS parentId, path, id_path AS idPath,
        (SELECT max${LEVEL} FROM categories deeper
          WHERE deeper.id_path >= categories.id_path AND deeper.id_path < categories.id_path || '~') AS deepest
      FROM categories WHERE id = ${categoryId}`,
    sql`SELECT id, path, id_path AS idPath FROM categories WHERE id = ${asked}`,
  ]);
  return { category, parent };
}

export async function categoryExists(db: Database, categoryId: string): Promise<boolean> {
  return (await db.all(sql`SELECT 1 FROM categories WHERE id = ${categoryId}`)).length > 0;
}

/** @throws StaleWrite when there is no such parent, or it stands too deep to have any below it; UniqueViolation of slug. */
export async function insertCategory(
  deps: Deps,
  { id, slug, name, parentId }: Omit<ManagedCategory, "path">,
  audit: Statement,
): Promise<ManagedCategory> {
  const position = sql`(SELECT coalesce(max(position), 0) + 1 FROM categories WHERE parent_id IS ${parentId})`;
  const { results } = await save(deps, [
    parentId === null
      ? sql`INSERT INTO categories (id, parent_id, slug, name, path, id_path, position)
          VALUES (${id}, NULL, ${slug}, ${name}, ${name}, '/' || ${id} || '/', ${position})`
      : sql`INSERT INTO categories (id, parent_id, slug, name, path, id_path, position)
          SELECT ${id}, id, ${slug}, ${name}, path || ' / ' || ${name}, id_path || ${id} || '/', ${position}
          FROM categories WHERE id = ${parentId} AND ${LEVEL} < ${MAX_CATEGORY_DEPTH}`,
    mustChange(),
    audit,
    sql`SELECT path FROM categories WHERE id = ${id}`,
  ]);
  return { id, slug, name, parentId, path: String(results.at(-1)?.results[0]?.["path"]) };
}

/** Aborts the batch when what was decided on is not so any more: where both stand, and how deep it goes below. */
function unmoved({ id, name, path, idPath, deepest }: CategoryPlace, parent: ParentPlace | undefined): SQL {
  const parentStands =
    parent === undefined
      ? sql`true`
      : sql`EXISTS (SELECT 1 FROM categories WHERE id = ${parent.id} AND path = ${parent.path} AND id_path = ${parent.idPath})`;
  return sql`SELECT json(iif(
    EXISTS (SELECT 1 FROM categories WHERE id = ${id} AND name = ${name} AND path = ${path} AND id_path = ${idPath})
      AND ${parentStands} AND (SELECT max${LEVEL} FROM categories WHERE ${below(idPath)}) = ${deepest},
    'true', 'stale write'))`;
}

/** @throws StaleWrite when the tree is not as it was read. */
export async function moveCategory(
  deps: Deps,
  category: CategoryPlace,
  parent: ParentPlace | undefined,
  move: CategoryMove,
  audit: Statement,
): Promise<void> {
  const { id, path, idPath } = category;
  const last = sql`(SELECT coalesce(max(position), 0) + 1 FROM categories WHERE parent_id IS ${move.parentId})`;
  const moves = move.parentId !== category.parentId;
  await save(deps, [
    unmoved(category, parent),
    sql`UPDATE categories SET
        name = iif(id = ${id}, ${move.name}, name),
        parent_id = iif(id = ${id}, ${move.parentId}, parent_id),
        position = ${moves ? sql`iif(id = ${id}, ${last}, position)` : sql`position`},
        path = ${move.path} || substr(path, length(${path}) + 1),
        id_path = ${move.idPath} || substr(id_path, length(${idPath}) + 1)
      WHERE ${below(idPath)}`,
    audit,
  ]);
}

/** @throws StaleWrite when there is no such category, or it is not empty. */
export async function deleteCategory(deps: Deps, categoryId: string, audit: Statement): Promise<void> {
  await save(deps, [
    sql`DELETE FROM categories WHERE id = ${categoryId}
      AND NOT EXISTS (SELECT 1 FROM products WHERE category_id = ${categoryId})
      AND NOT EXISTS (SELECT 1 FROM categories child WHERE child.parent_id = ${categoryId})`,
    mustChange(),
    audit,
  ]);
}
