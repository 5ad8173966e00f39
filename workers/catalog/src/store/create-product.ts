// Creation of products. UNIQUE(request_key) makes one request create one product: nothing is reserved before, and the loser of a race
// reads the winner's product.
import { sql } from "drizzle-orm";
import { mustChange } from "#shared/database";
import type { Database } from "#shared/database";
import type { Deps } from "#shared/deps";
import { outboxInsert, save } from "#shared/outbox";
import type { ManagedRow, WrittenProduct } from "../domain/managed.ts";
import { metadataJson, selectManaged, taxonomyExists, toRow, writtenRow } from "./managed.ts";
import type { ProductRecord } from "./managed.ts";

/** The product that a request created. */
export async function readCreated(db: Database, requestKey: string): Promise<ManagedRow | undefined> {
  const row = await db.first(selectManaged(sql`WHERE p.request_key = ${requestKey}`));
  return row === undefined ? undefined : toRow(row);
}

/** A request with an Idempotency-Key: both are hashes, see shared/hash.ts. */
export interface KeyedRequest {
  readonly key: string;
  readonly fingerprint: string;
}

export interface NewProductRow extends WrittenProduct {
  readonly id: string;
  readonly slug: string;
  readonly request: KeyedRequest | undefined;
}

/** @throws StaleWrite when its category or brand is gone; UniqueViolation of sku, external_id, slug or request_key. */
export async function insertProduct(
  deps: Deps,
  row: NewProductRow,
  { now, audit, event }: ProductRecord,
): Promise<ManagedRow> {
  const { product } = await save(deps, {
    insert: sql`INSERT INTO products (id, slug, sku, name, description, price, currency, brand_id, category_id, vendor_id, weight_grams,
        min_order_quantity, status, created_at, updated_at, request_key, fingerprint, external_id, metadata)
      SELECT ${row.id}, ${row.slug}, ${row.sku}, ${row.name}, ${row.description}, ${row.price}, ${row.currency}, ${row.brandId},
        ${row.categoryId}, ${row.vendorId}, ${row.weightGrams}, ${row.minOrderQuantity}, ${row.status}, ${now}, ${now},
        ${row.request?.key ?? null}, ${row.request?.fingerprint ?? null}, ${row.externalId}, ${metadataJson(row)}
      WHERE ${taxonomyExists(row)}`,
    inserted: mustChange(),
    audit,
    event: outboxInsert(event),
    product: selectManaged(sql`WHERE p.id = ${row.id}`),
  });
  return writtenRow(product.rows);
}
