// Products as their staff reads and writes them. Every write carries its audit row and its event, and ends by reading what it
// wrote, in one batch. A vendor's condition stands in each statement: nothing is looked at first and written later.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { isAdmin } from "#shared/call";
import type { Call } from "#shared/call";
import type { ProductChanges, ProductStatus } from "#shared/contracts/catalog-staff";
import { mustChange, readAll } from "#shared/database";
import type { Commit, Database, Statement } from "#shared/database";
import type { EventEnvelope } from "#shared/events/envelope";
import { outboxInsert, save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import type { ManagedRow, Written } from "../domain/managed.ts";
import type { Search } from "../domain/search.ts";
import { brandCondition, categoryCondition } from "./listing.ts";

/** What the caller may write: all of it, or own products. The products' alias is `p`. */
export function ownedBy({ actor }: Call): SQL {
  return isAdmin(actor) ? sql`true` : sql`p.vendor_id = ${actor.id}`;
}

/** The number of a picture that was not uploaded, in the order in which they were added. */
export const DRAWING = sql`coalesce(drawing, position)`;

/** A picture that was not uploaded is only a URL; its number serves as its id. */
export const IMAGE_ID = sql`coalesce(id, 'img_' || ${DRAWING})`;

export const IMAGE_JSON = sql`json_object('id', ${IMAGE_ID}, 'url', url, 'alt', alt, 'contentType', content_type,
  'width', width, 'height', height, 'sizeBytes', size_bytes)`;

function select(from: SQL): SQL {
  return sql`SELECT p.id, p.slug, p.sku, p.name, p.description, p.price, p.currency,
      b.id AS brandId, b.name AS brandName, c.id AS categoryId, c.name AS categoryName, c.path AS categoryPath,
      p.availability, p.weight_grams AS weightGrams, p.min_order_quantity AS minOrderQuantity, p.created_at AS createdAt,
      p.status, p.version, p.vendor_id AS vendorId, p.available, p.updated_at AS updatedAt, p.external_id AS externalId,
      p.metadata, p.change_seq AS changeSeq, p.fingerprint,
      (SELECT json_group_array(json(image)) FROM
        (SELECT ${IMAGE_JSON} AS image FROM product_images WHERE product_id = p.id ORDER BY position)) AS images
    FROM products p JOIN brands b ON b.id = p.brand_id JOIN categories c ON c.id = p.category_id ${from}`;
}

export async function readManaged(db: Database, call: Call, productId: string): Promise<ManagedRow | undefined> {
  const rows = await db.all<ManagedRow>(select(sql`WHERE p.id = ${productId} AND ${ownedBy(call)}`));
  return rows[0];
}

/** The product that a request made, with what the request asked for. */
export async function readMade(
  db: Database,
  requestKey: string,
): Promise<(ManagedRow & { readonly fingerprint: string }) | undefined> {
  const rows = await db.all<ManagedRow & { fingerprint: string }>(select(sql`WHERE p.request_key = ${requestKey}`));
  return rows[0];
}

/** Which of these exist. */
interface Places {
  readonly category: number | null;
  readonly brand: number | null;
}

function placesStatement({ categoryId, brandId }: ProductChanges): SQL {
  return sql`SELECT (SELECT 1 FROM categories WHERE id = ${categoryId ?? null}) AS category,
    (SELECT 1 FROM brands WHERE id = ${brandId ?? null}) AS brand`;
}

/** Members that name a category or a brand which there is not. */
function absent(asked: ProductChanges, places: Places | undefined): ("categoryId" | "brandId")[] {
  return [
    ...(asked.categoryId !== undefined && places?.category !== 1 ? (["categoryId"] as const) : []),
    ...(asked.brandId !== undefined && places?.brand !== 1 ? (["brandId"] as const) : []),
  ];
}

export async function readAbsentPlaces(
  db: Database,
  asked: Pick<Written, "categoryId" | "brandId">,
): Promise<("categoryId" | "brandId")[]> {
  const [places] = await db.all<Places>(placesStatement(asked));
  return absent(asked, places);
}

/** A product before a change, and what the change names that there is not. */
export async function readForChange(
  db: Database,
  call: Call,
  productId: string,
  changes: ProductChanges,
): Promise<{ readonly row: ManagedRow | undefined; readonly absent: readonly ("categoryId" | "brandId")[] }> {
  const [[row], [places]] = await readAll<[ManagedRow, Places]>(db, [
    select(sql`WHERE p.id = ${productId} AND ${ownedBy(call)}`),
    placesStatement(changes),
  ]);
  return { row, absent: absent(changes, places) };
}

function lastRow(commit: Commit): ManagedRow {
  const row = commit.results.at(-1)?.results[0];
  if (row === undefined) throw new Error("a written product is not there");
  return row as unknown as ManagedRow;
}

/** The places of a product, asked for in its own write: what is being deleted meanwhile takes no more products. */
function places({ categoryId, brandId }: Written): SQL {
  return sql`EXISTS (SELECT 1 FROM categories WHERE id = ${categoryId}) AND EXISTS (SELECT 1 FROM brands WHERE id = ${brandId})`;
}

function metadataOf({ metadata }: Written): string | null {
  return metadata === null ? null : JSON.stringify(metadata);
}

export interface ProductInsert extends Written {
  readonly id: string;
  readonly slug: string;
  readonly requestKey: string | null;
  readonly fingerprint: string | null;
  readonly now: number;
}

/** @throws StaleWrite when its category or brand is gone, and UniqueViolation of sku, slug or request_key. */
export async function insertProduct(
  deps: Deps,
  product: ProductInsert,
  audit: Statement,
  event: EventEnvelope,
): Promise<ManagedRow> {
  const done = await save(deps, [
    sql`INSERT INTO products (id, slug, sku, name, description, price, currency, brand_id, category_id, vendor_id, weight_grams,
        min_order_quantity, status, created_at, updated_at, request_key, fingerprint, external_id, metadata)
      SELECT ${product.id}, ${product.slug}, ${product.sku}, ${product.name}, ${product.description}, ${product.price},
        ${product.currency}, ${product.brandId}, ${product.categoryId}, ${product.vendorId}, ${product.weightGrams},
        ${product.minOrderQuantity}, ${product.status}, ${product.now}, ${product.now}, ${product.requestKey}, ${product.fingerprint},
        ${product.externalId}, ${metadataOf(product)}
      WHERE ${places(product)}`,
    mustChange(),
    audit,
    outboxInsert(event),
    select(sql`WHERE p.id = ${product.id}`),
  ]);
  return lastRow(done);
}

/** Writes the whole row anew over the version it was read in. @throws StaleWrite, and UniqueViolation of sku. */
export async function updateProduct(
  deps: Deps,
  read: ManagedRow,
  written: Written,
  now: number,
  audit: Statement,
  event: EventEnvelope,
): Promise<ManagedRow> {
  const { id, version } = read;
  const done = await save(deps, [
    sql`UPDATE products SET name = ${written.name}, sku = ${written.sku}, description = ${written.description},
        price = ${written.price}, currency = ${written.currency}, category_id = ${written.categoryId}, brand_id = ${written.brandId}, vendor_id = ${written.vendorId},
        weight_grams = ${written.weightGrams}, min_order_quantity = ${written.minOrderQuantity}, status = ${written.status},
        external_id = ${written.externalId}, metadata = ${metadataOf(written)}, version = version + 1, updated_at = ${now}
      WHERE id = ${id} AND version = ${version} AND ${places(written)}`,
    mustChange(),
    audit,
    outboxInsert(event),
    select(sql`WHERE p.id = ${id}`),
  ]);
  return lastRow(done);
}

export interface ManagedFilter {
  readonly status: ProductStatus | undefined;
  readonly search: Search;
  readonly brand: readonly string[] | undefined;
  readonly category: readonly string[] | undefined;
  readonly sku: string | undefined;
  readonly externalId: string | undefined;
  /** Milliseconds since the epoch; makes the list a feed of changes. */
  readonly updatedSince: number | undefined;
  /** The key of the last row seen: its place in the feed, or when it was made and its id. */
  readonly after: readonly (string | number)[] | undefined;
  readonly limit: number;
}

/** As text, because the partial indexes serve no bound parameter. */
const OF_STATUS: Readonly<Record<ProductStatus, SQL>> = {
  active: sql`p.status = 'active'`,
  draft: sql`p.status = 'draft'`,
  archived: sql`p.status = 'archived'`,
};

/** Up to `limit` products. The page is picked by id first, so that sorting carries no descriptions; test/plans.test.ts holds its plans. */
export async function readManagedList(db: Database, call: Call, filter: ManagedFilter): Promise<ManagedRow[]> {
  const { status, search, sku, externalId, updatedSince, after, limit } = filter;
  const isFeed = updatedSince !== undefined;
  const start = isFeed ? sql`p.change_seq >= ${updatedSince}` : sql`true`;
  const past = isFeed
    ? sql`p.change_seq > ${after?.[0] ?? 0}`
    : sql`(p.created_at, p.id) < (${after?.[0] ?? 0}, ${after?.[1] ?? ""})`;
  const conditions = [
    ownedBy(call),
    ...(status === undefined ? [] : [OF_STATUS[status]]),
    ...(search.kind === "match"
      ? [sql`p.search_id IN (SELECT rowid FROM product_search WHERE product_search MATCH ${search.expression})`]
      : []),
    ...(sku === undefined ? [] : [sql`p.sku = ${sku}`]),
    ...(externalId === undefined ? [] : [sql`p.external_id = ${externalId}`]),
    ...[brandCondition(filter), categoryCondition(filter)].filter((part) => part !== undefined),
    after === undefined ? start : past,
  ];
  const order = isFeed ? sql`p.change_seq` : sql`p.created_at DESC, p.id DESC`;
  const page = sql`SELECT p.search_id FROM products p WHERE ${sql.join(conditions, sql` AND `)} ORDER BY ${order} LIMIT ${limit}`;
  return await db.all<ManagedRow>(select(sql`WHERE p.search_id IN (${page}) ORDER BY ${order}`));
}
