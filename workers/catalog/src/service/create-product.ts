// Creates a product. A request with an Idempotency-Key creates one product, however often it is sent.
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { CreateProductInput, ManagedProduct } from "#shared/contracts/catalog-staff";
import { StaleWrite } from "#shared/database";
import type { Outcome } from "#shared/errors";
import { fingerprint, requestKey } from "#shared/hash";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { replayOrRefuse } from "#shared/retry";
import { toManaged } from "../domain/managed.ts";
import type { WrittenProduct } from "../domain/managed.ts";
import { insertProduct, readCreated } from "../store/create-product.ts";
import type { KeyedRequest } from "../store/create-product.ts";
import { readUnknownTaxonomy } from "../store/managed.ts";
import type { CatalogDeps } from "./deps.ts";
import { checkChanges, recordOf, takenFailure, unknownTaxonomy } from "./manage.ts";
import { withOwnSlug } from "./slugs.ts";

const ROUTE = "POST /api/products";

type Created = Outcome<{ readonly product: ManagedProduct; readonly replayed: boolean }>;

/** Reads category and brand before the write too, because their absence is reported before a taken SKU. */
async function create(
  deps: CatalogDeps,
  call: Call,
  written: WrittenProduct,
  request: KeyedRequest | undefined,
): Promise<Created> {
  const unknown = await readUnknownTaxonomy(deps.db, written);
  if (unknown.length > 0) return unknownTaxonomy(unknown);
  const id = newId("prd");
  const { description: _description, ...details } = written;
  const record = recordOf(deps, call, { ...written, id, version: 1 }, { action: "product.create", details });
  try {
    const row = await withOwnSlug("product", { id, name: written.name }, (slug) =>
      insertProduct(deps, { ...written, id, slug, request }, record),
    );
    return ok({ product: toManaged(row), replayed: false });
  } catch (error) {
    if (error instanceof StaleWrite) return unknownTaxonomy(await readUnknownTaxonomy(deps.db, written));
    return takenFailure(error);
  }
}

export async function createProduct(
  deps: CatalogDeps,
  call: Call,
  { idempotencyKey, ...product }: z.output<typeof CreateProductInput>,
): Promise<Created> {
  const checked = checkChanges(deps, call, product);
  if (!checked.ok) return checked;
  const request =
    idempotencyKey === undefined
      ? undefined
      : {
          key: await requestKey(call.actor.id, ROUTE, idempotencyKey),
          fingerprint: await fingerprint(ROUTE, product),
        };
  const vendorId = call.actor.role === "vendor" ? call.actor.id : (product.vendorId ?? null);
  const { externalId = null, metadata = null } = product;
  const created = await create(deps, call, { ...product, vendorId, externalId, metadata }, request);
  if (created.ok || request === undefined) return created;
  // An earlier copy of this request may be the cause of the failure, by its key or by its SKU.
  const earlier = await readCreated(deps.db, request.key);
  if (earlier === undefined) return created;
  return replayOrRefuse(earlier, request.fingerprint, () => ({ product: toManaged(earlier), replayed: true }));
}
