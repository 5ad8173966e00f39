// Products as their staff reads and changes them. Every statement has the vendor's condition of its own, because a check before it
// could be outdated. Every write carries its audit row and its event, and ends by reading what it wrote, in one batch.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import * as z from "zod";
import { isAdmin } from "#shared/call";
import type { Call } from "#shared/call";
import { ManagedImage } from "#shared/contracts/catalog-staff";
import type { ProductChanges } from "#shared/contracts/catalog-staff";
import { Metadata } from "#shared/contracts/references";
import { mustChange, readAll } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Query, RowOf, Statement } from "#shared/statement";
import type { Deps } from "#shared/deps";
import type { EventEnvelope } from "#shared/events/envelope";
import { outboxInsert, save } from "#shared/outbox";
import type { ManagedRow, WrittenProduct } from "../domain/managed.ts";
import { PRODUCT_FIELDS, PRODUCT_JOINS, p } from "./products.ts";

/** Whether the caller may write a product: an admin all, a vendor own ones. For `products p`. */
export function ownedBy({ actor }: Call): SQL {
  return isAdmin(actor) ? sql`true` : sql`p.vendor_id = ${actor.id}`;
}

/** The number of a picture that was not uploaded: its first position, which `drawing` keeps once it is moved. */
export const DRAWING = sql`coalesce(drawing, position)`;

/** The id of a picture. One that was not uploaded has only a number. */
export const IMAGE_ID = sql`coalesce(id, 'img_' || ${DRAWING})`;

/** A row of product_images as JSON of a `ManagedImage`. */
export const IMAGE_JSON = sql<string>`json_object('id', ${IMAGE_ID}, 'url', url, 'alt', alt, 'contentType', content_type,
  'width', width, 'height', height, 'sizeBytes', size_bytes)`;

const FIELDS = {
  ...PRODUCT_FIELDS,
  status: p.status,
  version: p.version,
  vendorId: p.vendorId,
  available: p.available,
  externalId: p.externalId,
  metadata: p.metadata,
  changeSeq: p.changeSeq,
  fingerprint: p.fingerprint,
  images: sql<string>`(SELECT json_group_array(json(image)) FROM
    (SELECT ${IMAGE_JSON} AS image FROM product_images WHERE product_id = p.id ORDER BY position))`,
} as const;

type StoredRow = RowOf<typeof FIELDS>;

/** Selects managed products: `rest` follows FROM and JOIN. Parse its rows with `toRow`. */
export function selectManaged(rest: SQL): Query<StoredRow> {
  return select(FIELDS, sql`FROM products p ${PRODUCT_JOINS} ${rest}`);
}

const Images = z.array(ManagedImage);

export function toRow({ images, metadata, ...row }: StoredRow): ManagedRow {
  return {
    ...row,
    images: Images.parse(JSON.parse(images)),
    metadata: metadata === null ? null : Metadata.parse(JSON.parse(metadata)),
  };
}

/** The row that a batch has written and read back. */
export function writtenRow([row]: readonly StoredRow[]): ManagedRow {
  if (row === undefined) throw new Error("a written product is not there");
  return toRow(row);
}

export async function readManaged(db: Database, call: Call, productId: string): Promise<ManagedRow | undefined> {
  const row = await db.first(selectManaged(sql`WHERE p.id = ${productId} AND ${ownedBy(call)}`));
  return row === undefined ? undefined : toRow(row);
}

export type TaxonomyMember = "categoryId" | "brandId";
type Taxonomy = Pick<ProductChanges, TaxonomyMember>;

function selectTaxonomy({ categoryId, brandId }: Taxonomy): Query<Readonly<Record<TaxonomyMember, number | null>>> {
  return select(
    {
      categoryId: sql<number | null>`(SELECT 1 FROM categories WHERE id = ${categoryId ?? null})`,
      brandId: sql<number | null>`(SELECT 1 FROM brands WHERE id = ${brandId ?? null})`,
    },
    sql``,
  );
}

/** The members that name a category or a brand which does not exist. */
function unknownMembers(
  named: Taxonomy,
  existing: Readonly<Record<TaxonomyMember, unknown>> | undefined,
): TaxonomyMember[] {
  const members = ["categoryId", "brandId"] as const;
  return members.filter((member) => named[member] !== undefined && existing?.[member] !== 1);
}

export async function readUnknownTaxonomy(db: Database, named: Taxonomy): Promise<TaxonomyMember[]> {
  return unknownMembers(named, await db.first(selectTaxonomy(named)));
}

/** A product before a change, and the members of the change that name an unknown category or brand. */
export async function readForChange(
  db: Database,
  call: Call,
  productId: string,
  changes: ProductChanges,
): Promise<{ readonly row: ManagedRow | undefined; readonly unknown: readonly TaxonomyMember[] }> {
  const { product, taxonomy } = await readAll(db, {
    product: selectManaged(sql`WHERE p.id = ${productId} AND ${ownedBy(call)}`),
    taxonomy: selectTaxonomy(changes),
  });
  const [row] = product.map(toRow);
  return { row, unknown: unknownMembers(changes, taxonomy[0]) };
}

/** Whether category and brand exist, checked by the write itself: a concurrent deletion of either must not leave a product behind. */
export function taxonomyExists({ categoryId, brandId }: WrittenProduct): SQL {
  return sql`EXISTS (SELECT 1 FROM categories WHERE id = ${categoryId}) AND EXISTS (SELECT 1 FROM brands WHERE id = ${brandId})`;
}

export function metadataJson({ metadata }: WrittenProduct): string | null {
  return metadata === null ? null : JSON.stringify(metadata);
}

/** What a write of a product commits with it. */
export interface ProductRecord {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly audit: Statement;
  readonly event: EventEnvelope;
}

/**
 * Writes a product over the version that was read.
 * @throws StaleWrite when the product has changed, or its category or brand is gone; UniqueViolation of sku or external_id.
 */
export async function writeProduct(
  deps: Deps,
  { id, version }: ManagedRow,
  written: WrittenProduct,
  { now, audit, event }: ProductRecord,
): Promise<ManagedRow> {
  const { product } = await save(deps, {
    update: sql`UPDATE products SET name = ${written.name}, sku = ${written.sku}, description = ${written.description},
        price = ${written.price}, currency = ${written.currency}, category_id = ${written.categoryId},
        brand_id = ${written.brandId}, vendor_id = ${written.vendorId}, weight_grams = ${written.weightGrams},
        min_order_quantity = ${written.minOrderQuantity}, status = ${written.status}, external_id = ${written.externalId},
        metadata = ${metadataJson(written)}, version = version + 1, updated_at = ${now}
      WHERE id = ${id} AND version = ${version} AND ${taxonomyExists(written)}`,
    updated: mustChange(),
    audit,
    event: outboxInsert(event),
    product: selectManaged(sql`WHERE p.id = ${id}`),
  });
  return writtenRow(product.rows);
}
