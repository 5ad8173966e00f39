// What staff does with products: create, change, archive, and find them in any status. One request with a key makes one product,
// as with orders: nothing is claimed before, UNIQUE(request_key) decides in the product's own batch, and who loses reads the
// winner.
import type { z } from "zod";
import { auditInsert } from "#shared/audit";
import { isAdmin } from "#shared/call";
import type { Call } from "#shared/call";
import type {
  ArchiveProductInput,
  CreateProductInput,
  ListManagedInput,
  ManagedProduct,
  ManagedProductInput,
  ManagedProductPage,
  ProductChanges,
  UpdateProductInput,
} from "#shared/contracts/catalog-staff";
import { StaleWrite, UniqueViolation } from "#shared/database";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { makeEvent } from "#shared/events/envelope";
import type { Cause } from "#shared/events/envelope";
import { fingerprint, requestKey } from "#shared/hash";
import { newId } from "#shared/ids";
import { decodeCursor, toFeedPage, toPage } from "#shared/paging";
import { ok } from "#shared/result";
import { MAX_WRITE_ATTEMPTS } from "../constants.ts";
import { auditedChanges, differing, toManaged, upserted, writtenOf } from "../domain/managed.ts";
import type { ManagedRow, Written } from "../domain/managed.ts";
import { parseSearch } from "../domain/search.ts";
import { distinctSlug, slugOf } from "../domain/slug.ts";
import {
  insertProduct,
  readAbsentPlaces,
  readForChange,
  readMade,
  readManaged,
  readManagedList,
  updateProduct as writeUpdate,
} from "../store/managed.ts";
import type { CatalogDeps } from "./deps.ts";

const ROUTE = "POST /api/products";

export const UNKNOWN_PRODUCT = fail("product_not_found", "There is no such product in the shop, or not any more.");
const NOT_THEIRS_TO_SAY = fail("forbidden", "Only an admin names the vendor of a product.");
const TAKEN: Readonly<Record<string, Outcome<never>>> = {
  "products.sku": fail("sku_taken", "Another product has this SKU."),
  "products.external_id": fail("external_id_taken", "Another product has this external id."),
};

type Created = Outcome<{ readonly product: ManagedProduct; readonly replayed: boolean }>;

function absentPlaces(absent: readonly ("categoryId" | "brandId")[]): Outcome<never> {
  const message = { categoryId: "there is no such category", brandId: "there is no such brand" };
  return invalidInput(absent.map((path) => ({ path, message: message[path] })));
}

/** Fails with validation_failed for a currency that is not the shop's. */
function checkCurrency({ currency }: CatalogDeps, asked: string | undefined): Outcome<null> {
  if (asked === undefined || asked === currency) return ok(null);
  return invalidInput([{ path: "currency", message: `must be ${currency}, the shop's currency` }]);
}

/** Fails with validation_failed for another currency, and with forbidden for a vendor who names the vendor. */
function checkAsked(deps: CatalogDeps, { actor }: Call, { currency, vendorId }: ProductChanges): Outcome<null> {
  return vendorId !== undefined && !isAdmin(actor) ? NOT_THEIRS_TO_SAY : checkCurrency(deps, currency);
}

function causeOf(deps: CatalogDeps, { correlationId, traceparent }: Call, now: number): Cause {
  return { worker: deps.worker, correlationId, traceparent, now };
}

interface Request {
  readonly call: Call;
  readonly written: Written;
  /** Both null without an Idempotency-Key. */
  readonly requestKey: string | null;
  readonly fingerprint: string | null;
}

/**
 * Writes the product under this slug; undefined when the slug is another's.
 * @throws StaleWrite when its category or its brand is gone.
 */
async function insertUnder(
  deps: CatalogDeps,
  request: Request,
  id: string,
  slug: string,
): Promise<Created | undefined> {
  const { call, written } = request;
  const now = deps.now();
  const { description: _description, ...details } = written;
  const audit = auditInsert(call, now, { action: "product.create", subject: id, details });
  const event = makeEvent("PRODUCT_UPSERTED", id, upserted(id, 1, written), causeOf(deps, call, now));
  const { requestKey: key, fingerprint: asked } = request;
  try {
    const insert = { ...written, id, slug, requestKey: key, fingerprint: asked, now };
    return ok({ product: toManaged(await insertProduct(deps, insert, audit, event)), replayed: false });
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    if (error.constraint === "products.slug") return undefined;
    const taken = TAKEN[error.constraint];
    if (taken !== undefined) return taken;
    if (error.constraint !== "products.request_key") throw error;
    return fail(
      "idempotency_in_progress",
      "The first request with this Idempotency-Key is still being worked on; try again in a moment.",
    );
  }
}

async function insertUnderSome(deps: CatalogDeps, request: Request): Promise<Created> {
  const { name } = request.written;
  const id = newId("prd");
  const plain = slugOf(name);
  const created = plain === undefined ? undefined : await insertUnder(deps, request, id, plain);
  const settled = created ?? (await insertUnder(deps, request, id, distinctSlug(name, id, "product")));
  if (settled === undefined) throw new Error("a slug with a random end is taken");
  return settled;
}

/**
 * Where a product stands is looked at first, since a brand that there is not
 * refuses before a SKU that is taken, and again in the write.
 */
async function create(deps: CatalogDeps, request: Request): Promise<Created> {
  const absent = await readAbsentPlaces(deps.db, request.written);
  if (absent.length > 0) return absentPlaces(absent);
  try {
    return await insertUnderSome(deps, request);
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
    return absentPlaces(await readAbsentPlaces(deps.db, request.written));
  }
}

/**
 * See CatalogStaffContract. Whatever refuses a request with a key, an earlier
 * copy of it may have caused: that is looked up once.
 */
export async function createProduct(
  deps: CatalogDeps,
  call: Call,
  { idempotencyKey, ...product }: z.output<typeof CreateProductInput>,
): Promise<Created> {
  const checked = checkAsked(deps, call, product);
  if (!checked.ok) return checked;
  const keyed = idempotencyKey !== undefined;
  const key = keyed ? await requestKey(call.actor.id, ROUTE, idempotencyKey) : null;
  const asked = keyed ? await fingerprint(ROUTE, product) : null;
  const vendorId = call.actor.role === "vendor" ? call.actor.id : (product.vendorId ?? null);
  const { externalId = null, metadata = null } = product;
  const written = { ...product, vendorId, externalId, metadata };
  const created = await create(deps, { call, written, requestKey: key, fingerprint: asked });
  if (created.ok || key === null) return created;
  const made = await readMade(deps.db, key);
  if (made === undefined) return created;
  if (made.fingerprint !== asked) {
    return fail("idempotency_key_reused", "This Idempotency-Key was used for another product.");
  }
  return ok({ product: toManaged(made), replayed: true });
}

/** One change to write: over which row, what of it differs, and what the audit calls it. */
interface Change {
  readonly call: Call;
  readonly row: ManagedRow;
  readonly changed: Partial<Written>;
  readonly action: string;
}

/** Undefined when somebody else's change came first. */
async function write(
  deps: CatalogDeps,
  { call, row, changed, action }: Change,
): Promise<Outcome<ManagedProduct> | undefined> {
  const now = deps.now();
  const present = writtenOf(row);
  const written = { ...present, ...changed };
  const audit = auditInsert(call, now, { action, subject: row.id, details: auditedChanges(present, changed) });
  const data = upserted(row.id, row.version + 1, written);
  const event = makeEvent("PRODUCT_UPSERTED", row.id, data, causeOf(deps, call, now));
  try {
    return ok(toManaged(await writeUpdate(deps, row, written, now, audit, event)));
  } catch (error) {
    if (error instanceof StaleWrite) return undefined;
    const taken = error instanceof UniqueViolation ? TAKEN[error.constraint] : undefined;
    if (taken !== undefined) return taken;
    throw error;
  }
}

interface Asked {
  readonly productId: string;
  readonly changes: ProductChanges;
  readonly ifVersion: number | undefined;
  readonly action: string;
}

/** Reads, decides and writes over what was read; when that has changed meanwhile, all of it again. */
async function change(deps: CatalogDeps, call: Call, asked: Asked): Promise<Outcome<ManagedProduct>> {
  const { productId, changes, ifVersion, action } = asked;
  for (let attempt = 1; attempt <= MAX_WRITE_ATTEMPTS; attempt += 1) {
    const { row, absent } = await readForChange(deps.db, call, productId, changes);
    if (row === undefined) return UNKNOWN_PRODUCT;
    if (ifVersion !== undefined && ifVersion !== row.version) {
      return fail(
        "product_version_conflict",
        "The product has changed since; read it again and send its ETag in If-Match.",
        { currentVersion: row.version },
      );
    }
    if (absent.length > 0) return absentPlaces(absent);
    const changed = differing(writtenOf(row), changes);
    if (Object.keys(changed).length === 0) return ok(toManaged(row));
    const done = await write(deps, { call, row, changed, action });
    if (done !== undefined) return done;
  }
  return fail("service_unavailable", "The product is being changed by others; try again.");
}

export async function updateProduct(
  deps: CatalogDeps,
  call: Call,
  { productId, changes, ifVersion }: z.output<typeof UpdateProductInput>,
): Promise<Outcome<ManagedProduct>> {
  const checked = checkAsked(deps, call, changes);
  if (!checked.ok) return checked;
  return await change(deps, call, { productId, changes, ifVersion, action: "product.update" });
}

export async function archiveProduct(
  deps: CatalogDeps,
  call: Call,
  { productId, ifVersion }: z.output<typeof ArchiveProductInput>,
): Promise<Outcome<ManagedProduct>> {
  return await change(deps, call, {
    productId,
    changes: { status: "archived" },
    ifVersion,
    action: "product.archive",
  });
}

export async function managedProduct(
  deps: CatalogDeps,
  call: Call,
  { productId }: z.output<typeof ManagedProductInput>,
): Promise<Outcome<ManagedProduct>> {
  const row = await readManaged(deps.db, call, productId);
  return row === undefined ? UNKNOWN_PRODUCT : ok(toManaged(row));
}

export async function listManagedProducts(
  deps: CatalogDeps,
  call: Call,
  { limit, cursor, q, ...filters }: z.output<typeof ListManagedInput>,
): Promise<Outcome<ManagedProductPage>> {
  const search = parseSearch(q);
  const scope = ["managed products", call.actor.role === "vendor" ? call.actor.id : null, filters, search];
  const key = cursor === undefined ? ok(undefined) : await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  if (search.kind === "nothing") return ok({ items: [], nextCursor: null });
  const { status, brand, category, sku, externalId } = filters;
  const updatedSince = filters.updatedSince === undefined ? undefined : Date.parse(filters.updatedSince);
  const filter = { status, brand, category, sku, externalId, updatedSince, search, after: key.value };
  const page =
    updatedSince === undefined
      ? await toPage(
          await readManagedList(deps.db, call, { ...filter, limit: limit + 1 }),
          limit,
          scope,
          (row) => [row.createdAt, row.id],
          toManaged,
        )
      : await toFeedPage(
          await readManagedList(deps.db, call, { ...filter, limit }),
          scope,
          (row) => [row.changeSeq],
          toManaged,
        );
  return ok({ items: [...page.items], nextCursor: page.nextCursor });
}
