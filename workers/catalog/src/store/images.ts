// Rows of uploaded pictures, and the objects that no row points to. An object is named loose before it is put and bound in the
// batch that writes its row, so a crash between the two leaves something that the sweep finds, and never a row without its
// object.
import { sql } from "drizzle-orm";
import type { Call } from "#shared/call";
import { MAX_IMAGES_PER_PRODUCT } from "#shared/contracts/catalog-staff";
import type { ManagedImage } from "#shared/contracts/catalog-staff";
import { commit, inJson, mustChange } from "#shared/database";
import type { Database, Statement } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import type { Picture } from "../domain/image.ts";
import type { ManagedRow } from "../domain/managed.ts";
import { DRAWING, IMAGE_ID, IMAGE_JSON, ownedBy } from "./managed.ts";

/** Above any position there is: where pictures wait while they change places, since no two may stand at one. */
const ASIDE = 1_000_000;

/** Names an object before it is put. False when the caller has no such product, and then nothing is written. */
export async function nameLoose(deps: Deps, call: Call, key: string, productId: string): Promise<boolean> {
  const { results } = await commit(deps.db, [
    sql`INSERT INTO loose_objects (key, created_at)
      SELECT ${key}, ${deps.now()} FROM products p WHERE p.id = ${productId} AND ${ownedBy(call)}`,
  ]);
  return (results[0]?.meta.changes ?? 0) > 0;
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

function touchProduct(productId: string, now: number): Statement {
  return sql`UPDATE products SET version = version + 1, updated_at = ${now} WHERE id = ${productId}`;
}

/**
 * Puts a picture behind the others of its product.
 * @throws StaleWrite when the product has no room for it, or the sweep has taken its object; UniqueViolation of
 * `product_images.product_id, product_images.content_hash` when the product has these bytes.
 */
export async function insertImage(
  deps: Deps,
  call: Call,
  image: ImageInsert,
  audit: Statement,
): Promise<ManagedImage | undefined> {
  const { id, key, productId, url, alt, contentHash, contentType, width, height, sizeBytes, now } = image;
  const { results } = await save(deps, [
    sql`INSERT INTO product_images (product_id, position, url, alt, id, content_hash, content_type, width, height, size_bytes)
      SELECT p.id, (SELECT coalesce(max(position), 0) + 1 FROM product_images WHERE product_id = p.id), ${url},
        coalesce(${alt}, p.name), ${id}, ${contentHash}, ${contentType}, ${width}, ${height}, ${sizeBytes}
      FROM products p WHERE p.id = ${productId} AND ${ownedBy(call)}
        AND (SELECT count(*) FROM product_images WHERE product_id = p.id) < ${MAX_IMAGES_PER_PRODUCT}`,
    mustChange(),
    sql`DELETE FROM loose_objects WHERE key = ${key} AND created_at > 0`,
    mustChange(),
    touchProduct(productId, now),
    audit,
    sql`SELECT ${IMAGE_JSON} AS image FROM product_images WHERE product_id = ${productId} AND id = ${id}`,
  ]);
  return imageOf(results.at(-1)?.results[0]);
}

function imageOf(row: Readonly<Record<string, unknown>> | undefined): ManagedImage | undefined {
  const text = row?.["image"];
  return typeof text === "string" ? (JSON.parse(text) as ManagedImage) : undefined;
}

/** The product's picture of these bytes, if it has one, and how many pictures it has. */
export async function readSameImage(
  db: Database,
  productId: string,
  contentHash: string,
): Promise<{ readonly image: ManagedImage | undefined; readonly count: number }> {
  const [row] = await db.all<{ image: string | null; count: number }>(sql`SELECT
    (SELECT ${IMAGE_JSON} FROM product_images WHERE product_id = ${productId} AND content_hash = ${contentHash}) AS image,
    (SELECT count(*) FROM product_images WHERE product_id = ${productId}) AS count`);
  return { image: imageOf(row), count: row?.count ?? 0 };
}

/**
 * Writes the words of one picture, and the places of all in this order, over the version of the product that was read.
 * @throws StaleWrite when the product has changed.
 */
export async function arrangeImages(
  deps: Deps,
  { id: productId, version }: ManagedRow,
  images: readonly ManagedImage[],
  { id: imageId, alt }: ManagedImage,
  audit: Statement,
): Promise<void> {
  const order = JSON.stringify(images.map(({ id }) => id));
  await save(deps, [
    sql`UPDATE products SET version = version + 1, updated_at = ${deps.now()} WHERE id = ${productId} AND version = ${version}`,
    mustChange(),
    sql`UPDATE product_images SET alt = ${alt} WHERE product_id = ${productId} AND ${IMAGE_ID} = ${imageId}`,
    sql`UPDATE product_images SET drawing = iif(content_type IS NULL, ${DRAWING}, NULL), position = position + ${ASIDE}
      WHERE product_id = ${productId}`,
    sql`UPDATE product_images SET position = (SELECT place FROM (SELECT value AS image, key + 1 AS place FROM json_each(${order}))
        WHERE image = ${IMAGE_ID})
      WHERE product_id = ${productId}`,
    audit,
  ]);
}

/** Takes a picture off; its object is loose from then on. @throws StaleWrite when the caller's product has no such picture. */
export async function deleteImage(
  deps: Deps,
  call: Call,
  productId: string,
  imageId: string,
  audit: Statement,
): Promise<void> {
  const now = deps.now();
  await save(deps, [
    sql`INSERT INTO loose_objects (key, created_at)
      SELECT product_id || '/' || id, ${now} FROM product_images WHERE product_id = ${productId} AND id = ${imageId}`,
    sql`DELETE FROM product_images WHERE product_id = ${productId} AND ${IMAGE_ID} = ${imageId}
      AND EXISTS (SELECT 1 FROM products p WHERE p.id = ${productId} AND ${ownedBy(call)})`,
    mustChange(),
    touchProduct(productId, now),
    audit,
  ]);
}

/** Dooms loose objects from before this time: an upload that comes later cannot bind them any more. Answers their keys. */
export async function doomLoose(deps: Deps, before: number, limit: number): Promise<string[]> {
  const { results } = await commit(deps.db, [
    sql`UPDATE loose_objects SET created_at = 0
      WHERE key IN (SELECT key FROM loose_objects WHERE created_at <= ${before} ORDER BY created_at LIMIT ${limit})
      RETURNING key`,
  ]);
  return (results[0]?.results ?? []).map((row) => String(row["key"]));
}

/** Forgets doomed objects that are deleted. */
export async function forgetLoose(deps: Deps, keys: readonly string[]): Promise<void> {
  await commit(deps.db, [sql`DELETE FROM loose_objects WHERE ${inJson(sql`key`, keys)} AND created_at = 0`]);
}

/** Names an object that was put too late to be bound. */
export async function nameLooseAgain(deps: Deps, key: string): Promise<void> {
  await commit(deps.db, [
    sql`INSERT INTO loose_objects (key, created_at) VALUES (${key}, ${deps.now()})
      ON CONFLICT (key) DO UPDATE SET created_at = excluded.created_at`,
  ]);
}
