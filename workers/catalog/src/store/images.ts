// Pictures of products, and the objects of the bucket that no picture points to ("loose"). An object is registered as loose before it is
// put; the batch that writes its picture removes the entry. So a crash between the two leaves an object that the sweep finds, and
// never a picture without its object.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Call } from "#shared/call";
import { MAX_IMAGES_PER_PRODUCT, ManagedImage } from "#shared/contracts/catalog-staff";
import { commit, mustChange } from "#shared/database";
import { inJson, returning, select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Statement } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { save } from "#shared/outbox";
import type { Picture } from "../domain/image.ts";
import type { ManagedRow } from "../domain/managed.ts";
import { looseObjects } from "../schema.ts";
import { DRAWING, IMAGE_ID, IMAGE_JSON, ownedBy } from "./managed.ts";

/** Added to positions while pictures change places, because two pictures cannot have one position. Above every real position. */
const POSITION_OFFSET = 1_000_000;

function parseImage(json: string): ManagedImage {
  return ManagedImage.parse(JSON.parse(json));
}

/** Registers an object before it is put. False when the caller has no such product; nothing is written then. */
export async function addLooseObject(deps: Deps, call: Call, key: string, productId: string): Promise<boolean> {
  const { results } = await commit(deps.db, {
    loose: sql`INSERT INTO loose_objects (key, created_at)
      SELECT ${key}, ${deps.now()} FROM products p WHERE p.id = ${productId} AND ${ownedBy(call)}`,
  });
  return results.loose.changes > 0;
}

export interface ImageInsert extends Picture {
  readonly id: string;
  readonly key: string;
  readonly productId: string;
  readonly url: string;
  /** Null: the product's name. */
  readonly alt: string | null;
  readonly contentHash: string;
  readonly sizeBytes: number;
  readonly now: number;
}

function bumpVersion(productId: string, now: number): SQL {
  return sql`UPDATE products SET version = version + 1, updated_at = ${now} WHERE id = ${productId}`;
}

/**
 * Adds a picture behind the others of its product.
 * @throws StaleWrite when the product has no room for it, or the sweep has claimed its object; UniqueViolation of
 * `product_images.product_id, product_images.content_hash` when the product has a picture of the same bytes.
 */
export async function insertImage(deps: Deps, call: Call, image: ImageInsert, audit: Statement): Promise<ManagedImage> {
  const { id, key, productId, url, alt, contentHash, contentType, width, height, sizeBytes, now } = image;
  const { written } = await save(deps, {
    insert: sql`INSERT INTO product_images (product_id, position, url, alt, id, content_hash, content_type, width, height, size_bytes)
      SELECT p.id, (SELECT coalesce(max(position), 0) + 1 FROM product_images WHERE product_id = p.id), ${url},
        coalesce(${alt}, p.name), ${id}, ${contentHash}, ${contentType}, ${width}, ${height}, ${sizeBytes}
      FROM products p WHERE p.id = ${productId} AND ${ownedBy(call)}
        AND (SELECT count(*) FROM product_images WHERE product_id = p.id) < ${MAX_IMAGES_PER_PRODUCT}`,
    inserted: mustChange(),
    loose: sql`DELETE FROM loose_objects WHERE key = ${key} AND created_at > 0`,
    unclaimed: mustChange(),
    version: bumpVersion(productId, now),
    audit,
    written: select({ image: IMAGE_JSON }, sql`FROM product_images WHERE product_id = ${productId} AND id = ${id}`),
  });
  const [row] = written.rows;
  if (row === undefined) throw new Error("a written image is not there");
  return parseImage(row.image);
}

/** The product's picture of these bytes, if it has one, and how many pictures it has. */
export async function readSameImage(
  db: Database,
  productId: string,
  contentHash: string,
): Promise<{ readonly image: ManagedImage | undefined; readonly count: number }> {
  const fields = { image: IMAGE_JSON, isSame: sql<number>`content_hash IS ${contentHash}` };
  const rows = await db.all(select(fields, sql`FROM product_images WHERE product_id = ${productId}`));
  const same = rows.find(({ isSame }) => isSame === 1);
  return { image: same && parseImage(same.image), count: rows.length };
}

/**
 * Writes the alternative text of one picture, and the positions of all in this order.
 * @throws StaleWrite when the product has changed since its version was read.
 */
export async function arrangeImages(
  deps: Deps,
  { id: productId, version }: ManagedRow,
  images: readonly ManagedImage[],
  { id: imageId, alt }: ManagedImage,
  audit: Statement,
): Promise<void> {
  const order = JSON.stringify(images.map(({ id }) => id));
  await save(deps, {
    version: sql`${bumpVersion(productId, deps.now())} AND version = ${version}`,
    current: mustChange(),
    alt: sql`UPDATE product_images SET alt = ${alt} WHERE product_id = ${productId} AND ${IMAGE_ID} = ${imageId}`,
    freePositions: sql`UPDATE product_images
      SET drawing = iif(content_type IS NULL, ${DRAWING}, NULL), position = position + ${POSITION_OFFSET}
      WHERE product_id = ${productId}`,
    positions: sql`UPDATE product_images
      SET position = (SELECT place FROM (SELECT value AS image, key + 1 AS place FROM json_each(${order})) WHERE image = ${IMAGE_ID})
      WHERE product_id = ${productId}`,
    audit,
  });
}

/** Removes a picture; its object is loose from then on. @throws StaleWrite when the caller's product has no such picture. */
export async function deleteImage(
  deps: Deps,
  call: Call,
  productId: string,
  imageId: string,
  audit: Statement,
): Promise<void> {
  const now = deps.now();
  await save(deps, {
    loose: sql`INSERT INTO loose_objects (key, created_at)
      SELECT product_id || '/' || id, ${now} FROM product_images WHERE product_id = ${productId} AND id = ${imageId}`,
    delete: sql`DELETE FROM product_images WHERE product_id = ${productId} AND ${IMAGE_ID} = ${imageId}
      AND EXISTS (SELECT 1 FROM products p WHERE p.id = ${productId} AND ${ownedBy(call)})`,
    deleted: mustChange(),
    version: bumpVersion(productId, now),
    audit,
  });
}

/** Claims loose objects from before this time for deletion: no later upload can bind them. Returns their keys. */
export async function claimLooseObjects(deps: Deps, before: number, limit: number): Promise<string[]> {
  const claim = returning(
    sql`UPDATE loose_objects SET created_at = 0
      WHERE key IN (SELECT key FROM loose_objects WHERE created_at <= ${before} ORDER BY created_at LIMIT ${limit})`,
    { key: looseObjects.key },
  );
  const { results } = await commit(deps.db, { claim });
  return results.claim.rows.map(({ key }) => key);
}

/** Removes the entries of claimed objects that have been deleted. */
export async function removeLooseObjects(deps: Deps, keys: readonly string[]): Promise<void> {
  await commit(deps.db, {
    remove: sql`DELETE FROM loose_objects WHERE ${inJson(sql`key`, keys)} AND created_at = 0`,
  });
}

/** Registers an object again that was put but not bound. */
export async function restoreLooseObject(deps: Deps, key: string): Promise<void> {
  await commit(deps.db, {
    loose: sql`INSERT INTO loose_objects (key, created_at) VALUES (${key}, ${deps.now()})
      ON CONFLICT (key) DO UPDATE SET created_at = excluded.created_at`,
  });
}
