// Changes of products by their staff. A change is written over the version it was decided on; when that has changed in between, it is
// decided again.
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import { isAdmin } from "#shared/call";
import type { Call } from "#shared/call";
import type {
  ArchiveProductInput,
  ManagedProduct,
  ManagedProductInput,
  ProductChanges,
  UpdateProductInput,
} from "#shared/contracts/catalog-staff";
import { UniqueViolation } from "#shared/database";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { makeEvent } from "#shared/events/envelope";
import { ok } from "#shared/result";
import { retryOrRefuse } from "#shared/retry";
import { auditedChanges, differing, productUpserted, toManaged } from "../domain/managed.ts";
import type { WrittenProduct } from "../domain/managed.ts";
import { UNKNOWN_PRODUCT } from "../domain/product.ts";
import { readForChange, readManaged, writeProduct } from "../store/managed.ts";
import type { ProductRecord, TaxonomyMember } from "../store/managed.ts";
import type { CatalogDeps } from "./deps.ts";

const TAKEN: Readonly<Record<string, Outcome<never>>> = {
  "products.sku": fail("sku_taken", "Another product has this SKU."),
  "products.external_id": fail("external_id_taken", "Another product has this external id."),
  "products.request_key": fail(
    "idempotency_in_progress",
    "The first request with this Idempotency-Key is still in progress; try again in a moment.",
  ),
};

/** The failure for a UNIQUE constraint that refused a product. @throws the error itself when it is any other. */
export function takenFailure(error: unknown): Outcome<never> {
  const failure = error instanceof UniqueViolation ? TAKEN[error.constraint] : undefined;
  if (failure === undefined) throw error;
  return failure;
}

export function unknownTaxonomy(members: readonly TaxonomyMember[]): Outcome<never> {
  const message = { categoryId: "there is no such category", brandId: "there is no such brand" };
  return invalidInput(members.map((path) => ({ path, message: message[path] })));
}

/** Fails with forbidden when a vendor names the vendor, and with validation_failed for a currency other than the shop's. */
export function checkChanges(
  deps: CatalogDeps,
  { actor }: Call,
  { currency, vendorId }: ProductChanges,
): Outcome<null> {
  if (vendorId !== undefined && !isAdmin(actor)) {
    return fail("forbidden", "Only an admin names the vendor of a product.");
  }
  if (currency === undefined || currency === deps.currency) return ok(null);
  return invalidInput([{ path: "currency", message: `must be ${deps.currency}, the shop's currency` }]);
}

/** The audit row and the PRODUCT_UPSERTED event of a write. */
export function recordOf(
  deps: CatalogDeps,
  call: Call,
  { id, version, ...written }: WrittenProduct & { readonly id: string; readonly version: number },
  { action, details }: { readonly action: string; readonly details: Readonly<Record<string, unknown>> },
): ProductRecord {
  const now = deps.now();
  const { correlationId, traceparent } = call;
  const cause = { worker: deps.worker, correlationId, traceparent, now };
  return {
    now,
    audit: auditInsert(call, now, { action, subject: id, details }),
    event: makeEvent("PRODUCT_UPSERTED", id, productUpserted(id, version, written), cause),
  };
}

async function change(
  deps: CatalogDeps,
  call: Call,
  action: string,
  { productId, changes, ifVersion }: z.output<typeof UpdateProductInput>,
): Promise<Outcome<ManagedProduct>> {
  return await retryOrRefuse(async () => {
    const { row, unknown } = await readForChange(deps.db, call, productId, changes);
    if (row === undefined) return UNKNOWN_PRODUCT;
    if (ifVersion !== undefined && ifVersion !== row.version) {
      const detail = "The product has changed since; read it again and send its ETag in If-Match.";
      return fail("product_version_conflict", detail, { currentVersion: row.version });
    }
    if (unknown.length > 0) return unknownTaxonomy(unknown);
    const changed = differing(row, changes);
    if (Object.keys(changed).length === 0) return ok(toManaged(row));
    const written = { ...row, ...changed, version: row.version + 1 };
    const record = recordOf(deps, call, written, { action, details: auditedChanges(row, changed) });
    try {
      return ok(toManaged(await writeProduct(deps, row, written, record)));
    } catch (error) {
      return takenFailure(error);
    }
  });
}

export async function updateProduct(
  deps: CatalogDeps,
  call: Call,
  input: z.output<typeof UpdateProductInput>,
): Promise<Outcome<ManagedProduct>> {
  const checked = checkChanges(deps, call, input.changes);
  return checked.ok ? await change(deps, call, "product.update", input) : checked;
}

export async function archiveProduct(
  deps: CatalogDeps,
  call: Call,
  input: z.output<typeof ArchiveProductInput>,
): Promise<Outcome<ManagedProduct>> {
  return await change(deps, call, "product.archive", { ...input, changes: { status: "archived" } });
}

export async function managedProduct(
  deps: CatalogDeps,
  call: Call,
  { productId }: z.output<typeof ManagedProductInput>,
): Promise<Outcome<ManagedProduct>> {
  const row = await readManaged(deps.db, call, productId);
  return row === undefined ? UNKNOWN_PRODUCT : ok(toManaged(row));
}
