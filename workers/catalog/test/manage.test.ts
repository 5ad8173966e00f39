// Staff's products, through the RPC surface with a real D1: one request creates one product, vendors reach only their own, and every
// write has its event, its audit row and the update of search in one batch.
import { beforeAll, describe, expect, it } from "vitest";
import type { Call } from "#shared/call";
import type { ManagedProduct } from "#shared/contracts/catalog-staff";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { callAs, guestCall } from "#shared/testkit/kit";
import { insertTaxonomy, rpc, testEnv } from "./fixture.ts";

const vendor = callAs("vendor");
const admin = callAs("admin");

type Body = Parameters<typeof rpc.createProduct>[1];

function body(more: Partial<Body> = {}): Body {
  return {
    name: "Torque Wrench",
    sku: newId("req"),
    description: "Clicks.",
    price: 4_900,
    currency: "USD",
    categoryId: "cat_saws",
    brandId: "brd_iron",
    weightGrams: 900,
    ...more,
  };
}

function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${JSON.stringify(outcome.error)}`);
  return outcome.value;
}

async function create(more: Partial<Body> = {}, call: Call = vendor): Promise<ManagedProduct> {
  return valueOf(await rpc.createProduct(call, body(more))).product;
}

async function rowsOf(table: "audit_log" | "outbox", subject: string): Promise<Record<string, unknown>[]> {
  const { results } = await testEnv.DB.prepare(`SELECT * FROM ${table} WHERE subject = ? ORDER BY id`)
    .bind(subject)
    .all();
  return results;
}

async function countOf(table: string): Promise<number> {
  return (await testEnv.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>())?.n ?? -1;
}

async function found(q: string): Promise<string[]> {
  return valueOf(await rpc.listProducts(guestCall(), { q })).items.map(({ id }) => id);
}

beforeAll(async () => {
  await insertTaxonomy();
});

describe("a new product", () => {
  it("is complete, belongs to its creator, and has an event and an audit row", async () => {
    const product = await create({ name: "  Click Wrench  ", sku: "CW-1" });
    expect(product).toMatchObject({
      name: "Click Wrench",
      slug: "click-wrench",
      sku: "CW-1",
      price: 4_900,
      currency: "USD",
      brand: { id: "brd_iron", name: "Ironmark" },
      category: { id: "cat_saws", path: "Tools / Saws" },
      minOrderQuantity: 1,
      status: "active",
      version: 1,
      vendorId: vendor.actor.id,
      availability: "out_of_stock",
      available: 0,
      images: [],
    });
    const [event] = await rowsOf("outbox", product.id);
    expect(JSON.parse(String(event?.["envelope"]))).toMatchObject({
      type: "PRODUCT_UPSERTED",
      correlationid: vendor.correlationId,
      data: { productId: product.id, version: 1, vendorId: vendor.actor.id, status: "active", price: 4_900 },
    });
    expect(await rowsOf("audit_log", product.id)).toMatchObject([
      { action: "product.create", actor_id: vendor.actor.id, actor_role: "vendor" },
    ]);
  });

  it("is found, counted and returned at once", async () => {
    const counts = async (): Promise<[number, number]> => {
      const brands = valueOf(await rpc.listBrands(guestCall())).items;
      const tree = valueOf(await rpc.listCategories(guestCall())).items;
      const safety = tree.find(({ id }) => id === "cat_toolsafe");
      return [brands.find(({ id }) => id === "brd_sud")?.productCount ?? 0, safety?.productCount ?? 0];
    };
    const [brandBefore, categoryBefore] = await counts();
    const product = await create({ name: "Zirconvisor Pro", brandId: "brd_sud", categoryId: "cat_toolsafe" });
    expect(await found("zirconvisor")).toEqual([product.id]);
    expect(await counts()).toEqual([brandBefore + 1, categoryBefore + 1]);
    expect(await rpc.getProduct(guestCall(), { idOrSlug: product.slug })).toMatchObject({ value: { id: product.id } });
  });

  it("has no vendor when an admin creates it, and is not public as a draft", async () => {
    const product = await create({ name: "Draughtless", status: "draft" }, admin);
    expect(product).toMatchObject({ vendorId: null, status: "draft" });
    expect(await found("draughtless")).toEqual([]);
    expect(await rpc.getProduct(guestCall(), { idOrSlug: product.id })).toMatchObject({
      error: { code: "product_not_found" },
    });
  });

  it("gets a unique slug for any name", async () => {
    const products = await Promise.all(
      ["Same Name", "Same Name", "手套 1", "managed", "Same  name!"].map((name) => create({ name })),
    );
    const slugs = products.map(({ slug }) => slug);
    expect(new Set(slugs).size).toBe(5);
    expect(slugs).not.toContain("managed");
    expect(slugs.every((slug) => /^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug))).toBe(true);
  });

  it.each([
    ["another currency", { currency: "EUR" }, "currency"],
    ["an unknown category", { categoryId: "cat_none" }, "categoryId"],
    ["an unknown brand", { brandId: "brd_none" }, "brandId"],
    ["a brand for a category", { categoryId: "brd_iron" }, "categoryId"],
    ["a price of nothing", { price: 0 }, "price"],
    ["a price that is no whole number", { price: 10.5 }, "price"],
    ["a price beyond what a payment carries", { price: 100_000_000 }, "price"],
    ["a negative weight", { weightGrams: -1 }, "weightGrams"],
    ["a weight of more than ten tonnes", { weightGrams: 10_000_001 }, "weightGrams"],
    ["no quantity", { minOrderQuantity: 0 }, "minOrderQuantity"],
    ["a name of blanks", { name: " \u2003\u200B" }, "name"],
    ["a name with a control character", { name: "A\u0007B" }, "name"],
    ["a name that turns the text around", { name: "A\u202EB" }, "name"],
    ["a name too long for its column", { name: "x".repeat(161) }, "name"],
    ["a SKU over two lines", { sku: "A\nB" }, "sku"],
    ["a SKU with a letter that only looks Latin", { sku: "\u0410-100" }, "sku"],
    ["a SKU with a blank that nobody sees", { sku: "A\u200B1" }, "sku"],
    ["a SKU of signs alone", { sku: "--" }, "sku"],
    ["an unknown status", { status: "sold" as "draft" }, "status"],
    ["a description too long", { description: "x".repeat(10_001) }, "description"],
  ])("is refused with %s, and nothing is written", async (_name, more, path) => {
    const before = await Promise.all(["products", "outbox", "audit_log"].map(countOf));
    expect(await rpc.createProduct(vendor, body(more))).toMatchObject({
      error: { code: "validation_failed", errors: [{ path }] },
    });
    expect(await Promise.all(["products", "outbox", "audit_log"].map(countOf))).toEqual(before);
  });

  it("treats every character literally", async () => {
    const name = `Robert'); DROP TABLE products;-- "NEAR(" * ^a OR b: 🧰`;
    const product = await create({ name, description: "Line 1\nLine 2\t<script>alert(1)</script> NULL" });
    expect(product.name).toBe(name);
    expect(await found('robert" AND drop NEAR(')).toEqual([]);
    expect(await found("Robert'); DROP TABLE")).toEqual([product.id]);
  });

  it("has a SKU that is unique ignoring case", async () => {
    await create({ sku: "Unique-1" });
    expect(await rpc.createProduct(admin, body({ sku: "unique-1" }))).toMatchObject({ error: { code: "sku_taken" } });
  });
});

describe("a repeated request", () => {
  it("returns the current state of the same product", async () => {
    const asked = body({ idempotencyKey: "k1" });
    const first = valueOf(await rpc.createProduct(vendor, asked));
    expect(first.replayed).toBe(false);
    valueOf(await rpc.updateProduct(vendor, { productId: first.product.id, changes: { price: 5_100 } }));
    const again = valueOf(await rpc.createProduct(vendor, asked));
    expect(again).toMatchObject({ replayed: true, product: { id: first.product.id, price: 5_100, version: 2 } });
    expect(await rowsOf("outbox", first.product.id)).toHaveLength(2);
  });

  it("is refused with another body, and does not share its key with another user", async () => {
    const asked = body({ idempotencyKey: "k2" });
    valueOf(await rpc.createProduct(vendor, asked));
    expect(await rpc.createProduct(vendor, { ...asked, sku: newId("req") })).toMatchObject({
      error: { code: "idempotency_key_reused" },
    });
    expect(await rpc.createProduct(vendor, { ...asked, categoryId: "cat_none" })).toMatchObject({
      error: { code: "idempotency_key_reused" },
    });
    expect(await rpc.createProduct(admin, asked)).toMatchObject({ error: { code: "sku_taken" } });
  });

  it("creates one product when it is sent ten times concurrently", async () => {
    const asked = body({ idempotencyKey: "k3" });
    const answers = await Promise.all(Array.from({ length: 10 }, () => rpc.createProduct(vendor, asked)));
    const products = answers.map((answer) => valueOf(answer));
    expect(new Set(products.map(({ product }) => product.id)).size).toBe(1);
    expect(products.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it("can reuse its key after it was refused", async () => {
    const asked = body({ idempotencyKey: "k4", categoryId: "cat_none" });
    expect(await rpc.createProduct(vendor, asked)).toMatchObject({ error: { code: "validation_failed" } });
    expect(await rpc.createProduct(vendor, { ...asked, categoryId: "cat_saws" })).toMatchObject({
      value: { replayed: false },
    });
  });
});

describe("a change", () => {
  it("changes the given members, keeps the slug, and updates search", async () => {
    const product = await create({ name: "Quillsaw" });
    const changes = { name: "Plumesaw", price: 1, categoryId: "cat_drills", description: "New." };
    const changed = valueOf(await rpc.updateProduct(vendor, { productId: product.id, changes }));
    expect(changed).toMatchObject({
      name: "Plumesaw",
      slug: "quillsaw",
      price: 1,
      weightGrams: 900,
      category: { id: "cat_drills" },
      version: 2,
    });
    expect([await found("quillsaw"), await found("plumesaw")]).toEqual([[], [product.id]]);
    const [, audit] = await rowsOf("audit_log", product.id);
    expect(JSON.parse(String(audit?.["details"]))).toEqual({
      name: { from: "Quillsaw", to: "Plumesaw" },
      price: { from: 4_900, to: 1 },
      categoryId: { from: "cat_saws", to: "cat_drills" },
      description: "changed",
    });
  });

  it("writes nothing when it changes nothing", async () => {
    const product = await create();
    for (const changes of [{}, { price: product.price, currency: "USD" }]) {
      expect(await rpc.updateProduct(vendor, { productId: product.id, changes })).toMatchObject({
        value: { version: 1 },
      });
    }
    expect(await rowsOf("audit_log", product.id)).toHaveLength(1);
    expect(await rowsOf("outbox", product.id)).toHaveLength(1);
  });

  it("is refused over an old version", async () => {
    const { id: productId } = await create();
    valueOf(await rpc.updateProduct(vendor, { productId, changes: { price: 2 }, ifVersion: 1 }));
    expect(await rpc.updateProduct(vendor, { productId, changes: { price: 3 }, ifVersion: 1 })).toMatchObject({
      error: { code: "product_version_conflict", currentVersion: 2 },
    });
    expect(await rpc.archiveProduct(vendor, { productId, ifVersion: 1 })).toMatchObject({
      error: { code: "product_version_conflict" },
    });
  });

  it("loses none of several concurrent ones of different members", async () => {
    const { id: productId } = await create();
    const all = [{ price: 77 }, { weightGrams: 77 }, { minOrderQuantity: 77 }, { description: "77" }];
    const answers = await Promise.all(all.map((changes) => rpc.updateProduct(vendor, { productId, changes })));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect(await rpc.managedProduct(vendor, { productId })).toMatchObject({
      value: { price: 77, weightGrams: 77, minOrderQuantity: 77, description: "77", version: 5 },
    });
    const versions = (await rowsOf("outbox", productId)).map(
      (row) => (JSON.parse(String(row["envelope"])) as { data: { version: number } }).data.version,
    );
    expect(versions.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  });

  it("succeeds once over one version", async () => {
    const { id: productId } = await create();
    const prices = [1, 2, 3, 4, 5];
    const answers = await Promise.all(
      prices.map((price) => rpc.updateProduct(vendor, { productId, changes: { price }, ifVersion: 1 })),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it("is refused for the reasons that a new product is", async () => {
    const taken = await create();
    const { id: productId } = await create();
    for (const [changes, code] of [
      [{ sku: taken.sku }, "sku_taken"],
      [{ currency: "EUR" }, "validation_failed"],
      [{ brandId: "brd_none" }, "validation_failed"],
      [{ price: -1 }, "validation_failed"],
      [{ name: "\u0000" }, "validation_failed"],
    ] as const) {
      expect(await rpc.updateProduct(vendor, { productId, changes })).toMatchObject({ error: { code } });
    }
    expect(await rpc.managedProduct(vendor, { productId })).toMatchObject({ value: { version: 1 } });
  });
});

describe("archiving", () => {
  it("removes a product from the shop once, and the status active brings it back", async () => {
    const product = await create({ name: "Gonelamp" });
    const { id: productId } = product;
    for (let time = 0; time < 2; time += 1) {
      expect(await rpc.archiveProduct(vendor, { productId })).toMatchObject({
        value: { status: "archived", version: 2 },
      });
    }
    expect(await found("gonelamp")).toEqual([]);
    expect(await rpc.getProduct(guestCall(), { idOrSlug: productId })).toMatchObject({ ok: false });
    expect(await rpc.pricedProducts(guestCall(), { ids: [productId] })).toMatchObject({
      value: [{ status: "archived" }],
    });
    expect((await rowsOf("audit_log", productId)).map((row) => row["action"])).toEqual([
      "product.create",
      "product.archive",
    ]);
    valueOf(await rpc.updateProduct(vendor, { productId, changes: { status: "active" } }));
    expect(await found("gonelamp")).toEqual([productId]);
  });
});

describe("another vendor's product", () => {
  it("is not found for a vendor, but for an admin", async () => {
    const { id: productId } = await create();
    const stranger = callAs("vendor");
    const unknown = { error: { code: "product_not_found" } };
    expect(await rpc.managedProduct(stranger, { productId })).toMatchObject(unknown);
    expect(await rpc.updateProduct(stranger, { productId, changes: { price: 1 } })).toMatchObject(unknown);
    expect(await rpc.archiveProduct(stranger, { productId })).toMatchObject(unknown);
    expect(valueOf(await rpc.listManagedProducts(stranger, {})).items).toEqual([]);
    expect(await rpc.updateProduct(admin, { productId, changes: { price: 9 } })).toMatchObject({
      value: { price: 9, vendorId: vendor.actor.id },
    });
  });

  it("is not found for a customer, nor is a product without a vendor", async () => {
    const { id: productId } = await create({}, admin);
    expect(await rpc.managedProduct(callAs("customer"), { productId })).toMatchObject({ ok: false });
  });
});

describe("the vendor of a product", () => {
  const named = callAs("vendor");

  it("is set by an admin at creation or later, and can be removed again", async () => {
    const made = await create({ vendorId: named.actor.id }, admin);
    const productId = made.id;
    expect(made.vendorId).toBe(named.actor.id);
    expect(await rpc.managedProduct(named, { productId })).toMatchObject({ value: { id: productId } });
    const given = { productId, changes: { vendorId: vendor.actor.id } };
    expect(valueOf(await rpc.updateProduct(admin, given))).toMatchObject({ vendorId: vendor.actor.id, version: 2 });
    expect(valueOf(await rpc.updateProduct(admin, given))).toMatchObject({ version: 2 });
    expect(await rpc.updateProduct(named, { productId, changes: { price: 1 } })).toMatchObject({
      error: { code: "product_not_found" },
    });
    expect(valueOf(await rpc.updateProduct(admin, { productId, changes: { vendorId: null } })).vendorId).toBeNull();
    const told = (await rowsOf("outbox", productId)).map(
      (row) => (JSON.parse(String(row["envelope"])) as { data: { vendorId: string | null } }).data.vendorId,
    );
    expect(told).toEqual([named.actor.id, vendor.actor.id, null]);
    const [, audit] = await rowsOf("audit_log", productId);
    expect(JSON.parse(String(audit?.["details"]))).toEqual({
      vendorId: { from: named.actor.id, to: vendor.actor.id },
    });
  });

  it("cannot be set by a vendor", async () => {
    const { id: productId } = await create();
    for (const vendorId of [vendor.actor.id, named.actor.id, null]) {
      expect(await rpc.createProduct(vendor, body({ vendorId }))).toMatchObject({ error: { code: "forbidden" } });
      expect(await rpc.updateProduct(vendor, { productId, changes: { vendorId } })).toMatchObject({
        error: { code: "forbidden" },
      });
    }
    expect(await rpc.managedProduct(vendor, { productId })).toMatchObject({ value: { version: 1 } });
  });

  it.each(["", "prd_1", "usr_", "usr_'--", "usr_\u0000"])("cannot be %j", async (vendorId) => {
    expect(await rpc.createProduct(admin, body({ vendorId }))).toMatchObject({
      error: { code: "validation_failed", errors: [{ path: "vendorId" }] },
    });
  });

  it("can change during a write of the old vendor, which succeeds or fails as a whole", async () => {
    const { id: productId } = await create({ vendorId: named.actor.id, price: 5 }, admin);
    const [given, priced] = await Promise.all([
      rpc.updateProduct(admin, { productId, changes: { vendorId: vendor.actor.id } }),
      rpc.updateProduct(named, { productId, changes: { price: 6 } }),
    ]);
    expect(given.ok).toBe(true);
    expect(await rpc.managedProduct(admin, { productId })).toMatchObject({
      value: { vendorId: vendor.actor.id, price: priced.ok ? 6 : 5 },
    });
  });
});

describe("the list of staff", () => {
  it("contains own products in every status, newest first, filtered by status and words, in pages", async () => {
    const call = callAs("vendor");
    const made: string[] = [];
    for (const status of ["active", "draft", "archived"] as const) {
      made.unshift((await create({ status, name: `Listed ${status}` }, call)).id);
    }
    const ids = async (input: object): Promise<string[]> =>
      valueOf(await rpc.listManagedProducts(call, input)).items.map(({ id }) => id);
    expect(await ids({})).toEqual(made);
    expect(await ids({ status: "draft" })).toEqual([made[1]]);
    expect(await ids({ q: "listed arch" })).toEqual([made[0]]);
    expect(await ids({ q: "'\"*" })).toEqual([]);
    const first = valueOf(await rpc.listManagedProducts(call, { limit: 2 }));
    const cursor = first.nextCursor ?? "";
    expect(await ids({ limit: 2, cursor })).toEqual([made[2]]);
    expect(await rpc.listManagedProducts(vendor, { cursor })).toMatchObject({ error: { code: "invalid_cursor" } });
    expect(await rpc.listManagedProducts(call, { cursor, status: "draft" })).toMatchObject({
      error: { code: "invalid_cursor" },
    });
  });
});
