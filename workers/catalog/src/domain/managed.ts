// A product as its staff sees it, and what a change of one writes, audits and publishes.
import type { ManagedImage, ManagedProduct, NewProduct, ProductChanges } from "#shared/contracts/catalog-staff";
import type { Metadata } from "#shared/contracts/references";
import type { EventData } from "#shared/events/catalogue";
import { canonicalJson } from "#shared/hash";
import { toProduct } from "./product.ts";
import type { ProductRow } from "./product.ts";

/** The members that staff writes. */
export interface WrittenProduct extends Omit<NewProduct, "vendorId" | "externalId" | "metadata"> {
  readonly vendorId: string | null;
  readonly externalId: string | null;
  readonly metadata: Metadata | null;
}

export type ManagedRow = Omit<ProductRow, "images"> &
  WrittenProduct & {
    readonly images: ManagedImage[];
    readonly version: number;
    readonly available: number;
    /** The position of the product's last change among all changes of products. */
    readonly changeSeq: number;
    /** Of the request with an Idempotency-Key that created the product. */
    readonly fingerprint: string | null;
  };

export function toManaged(row: ManagedRow): ManagedProduct {
  const { images, status, version, vendorId, available, externalId, metadata } = row;
  return { ...toProduct(row), images, status, version, vendorId, available, externalId, metadata: metadata ?? {} };
}

/** The changes that differ from the current product. */
export function differing(current: WrittenProduct, changes: ProductChanges): Partial<WrittenProduct> {
  return Object.fromEntries(
    Object.entries(changes).filter(
      // `changes` has only members of WrittenProduct.
      ([member, value]) =>
        value !== undefined && canonicalJson(value) !== canonicalJson(current[member as keyof WrittenProduct]),
    ),
  );
}

/** The old and new values for the audit log, except of long texts. */
export function auditedChanges(
  current: WrittenProduct,
  changed: Partial<WrittenProduct>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(changed).map(([member, to]) => [
      member,
      member === "description" ? "changed" : { from: current[member as keyof WrittenProduct], to },
    ]),
  );
}

export function productUpserted(
  id: string,
  version: number,
  { sku, name, status, price, currency, weightGrams, minOrderQuantity, vendorId }: WrittenProduct,
): EventData<"PRODUCT_UPSERTED"> {
  return { productId: id, version, vendorId, sku, name, status, price, currency, weightGrams, minOrderQuantity };
}
