// A product as its staff sees it, and what a change of one comes to.
import type {
  ManagedImage,
  ManagedProduct,
  NewProduct,
  ProductChanges,
  ProductStatus,
} from "#shared/contracts/catalog-staff";
import { Metadata } from "#shared/contracts/references";
import type { EventData } from "#shared/events/catalogue";
import { canonicalJson } from "#shared/hash";
import { toProduct } from "./product.ts";
import type { ProductRow } from "./product.ts";

/** `images` is the JSON of `ManagedImage[]`, in order. */
export interface ManagedRow extends ProductRow {
  readonly status: ProductStatus;
  readonly version: number;
  readonly vendorId: string | null;
  readonly available: number;
  readonly externalId: string | null;
  /** JSON of the pairs. */
  readonly metadata: string | null;
  /** The place of its last change among all products' changes. */
  readonly changeSeq: number;
}

function pairsOf({ metadata }: ManagedRow): Metadata | null {
  return metadata === null ? null : Metadata.parse(JSON.parse(metadata));
}

export function toManaged(row: ManagedRow): ManagedProduct {
  const { status, version, vendorId, available } = row;
  return {
    ...toProduct({ ...row, images: "[]" }),
    images: JSON.parse(row.images) as ManagedImage[],
    status,
    version,
    vendorId,
    available,
    externalId: row.externalId,
    metadata: pairsOf(row) ?? {},
  };
}

/** The members that staff writes, as the database holds them. */
export type Written = Omit<NewProduct, "vendorId" | "externalId" | "metadata"> & {
  readonly vendorId: string | null;
  readonly externalId: string | null;
  readonly metadata: Metadata | null;
};

export function writtenOf(row: ManagedRow): Written {
  const { name, sku, description, price, currency, categoryId, brandId } = row;
  const { weightGrams, minOrderQuantity, status, vendorId, externalId } = row;
  return {
    name,
    sku,
    description,
    price,
    currency,
    categoryId,
    brandId,
    weightGrams,
    minOrderQuantity,
    status,
    vendorId,
    externalId,
    metadata: pairsOf(row),
  };
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || canonicalJson(one) === canonicalJson(other);
}

/** Only what differs from the present. */
export function differing(present: Written, changes: ProductChanges): Partial<Written> {
  const entries = Object.entries(changes) as [keyof Written, unknown][];
  return Object.fromEntries(
    entries.filter(([member, value]) => value !== undefined && !isSame(present[member], value)),
  );
}

/** What an auditor reads of a change: from what to what, but for texts as long as a description. */
export function auditedChanges(present: Written, changed: Partial<Written>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(changed).map(([member, to]) => [
      member,
      member === "description" ? "changed" : { from: present[member as keyof Written], to },
    ]),
  );
}

export function upserted(id: string, version: number, written: Written): EventData<"PRODUCT_UPSERTED"> {
  const { sku, name, status, price, currency, weightGrams, minOrderQuantity, vendorId } = written;
  return { productId: id, version, vendorId, sku, name, status, price, currency, weightGrams, minOrderQuantity };
}
