// The lists of products as a support desk and an ERP use them: filters with several values, the feed of changes, external ids.
import { beforeAll, describe, expect, it } from "vitest";
import { ListProductsInput } from "#shared/contracts/catalog";
import type { ManagedProduct, ProductChanges } from "#shared/contracts/catalog-staff";
import type { Outcome } from "#shared/errors";
import type { Page } from "#shared/paging";
import { callAs, guestCall } from "#shared/testkit/kit";
import { insertProducts, insertTaxonomy, rpc, testEnv } from "./fixture.ts";

const admin = callAs("admin");
const vendor = callAs("vendor");

function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${JSON.stringify(outcome.error)}`);
  return outcome.value;
}

const publicIds = async (query: Record<string, unknown>): Promise<string[]> =>
  valueOf(await rpc.listProducts(guestCall(), query)).items.map(({ id }) => id);

const managedIds = async (query: Record<string, unknown>, call = admin): Promise<string[]> =>
  valueOf(await rpc.listManagedProducts(call, query)).items.map(({ id }) => id);

async function change(productId: string, changes: ProductChanges): Promise<ManagedProduct> {
  return valueOf(await rpc.updateProduct(admin, { productId, changes }));
}

beforeAll(async () => {
  await insertTaxonomy();
  await insertProducts(
    { id: "prd_a", name: "Drill", brand_id: "brd_iron", category_id: "cat_drills", vendor_id: vendor.actor.id },
    { id: "prd_b", name: "Saw", brand_id: "brd_sud", category_id: "cat_saws" },
    { id: "prd_c", name: "Helmet", brand_id: "brd_sud", category_id: "cat_toolsafe" },
  );
});

describe("the lists of products", () => {
  it("filter by several brands and categories, by id or slug, with facets that ignore their own filter", async () => {
    expect(await publicIds({ category: "saws,safety" })).toEqual(["prd_c", "prd_b"]);
    expect(await publicIds({ category: "cat_drills,safety", brand: "ironmark,brd_sud" })).toEqual(["prd_c", "prd_a"]);
    expect(await publicIds({ brand: "ironmark,nobody" })).toEqual(["prd_a"]);
    expect(await managedIds({ category: "saws,safety", brand: "kabelwerk-sud" })).toEqual(["prd_c", "prd_b"]);
    const { facets } = valueOf(await rpc.listProducts(guestCall(), { category: "saws,safety", brand: "brd_sud" }));
    expect(facets?.brands.map(({ id, count }) => [id, count])).toEqual([["brd_sud", 2]]);
    expect(facets?.categories.map(({ id }) => id).toSorted()).toEqual(["cat_saws", "cat_toolsafe"]);
    expect(ListProductsInput.safeParse({ brand: "a,,b" }).success).toBe(false);
  });

  it("find by SKU in any case, and facets count the matches", async () => {
    expect(await publicIds({ sku: "sku-b" })).toEqual(["prd_b"]);
    expect(await managedIds({ sku: "SKU-A" }, vendor)).toEqual(["prd_a"]);
    expect(await managedIds({ sku: "SKU-B" }, vendor)).toEqual([]);
    const { facets } = valueOf(await rpc.listProducts(guestCall(), { sku: "SKU-B" }));
    expect(facets?.brands).toMatchObject([{ id: "brd_sud", count: 1 }]);
  });

  it("return each change, the oldest first, also when the clock of its writer is behind", async () => {
    const updatedSince = new Date(1_700_000_000_000).toISOString();
    const read = async (
      list: "listProducts" | "listManagedProducts",
      cursor?: string,
    ): Promise<Page<{ id: string }>> => {
      const query = { updatedSince, limit: 2, ...(cursor === undefined ? {} : { cursor }) };
      return list === "listProducts"
        ? valueOf(await rpc.listProducts(admin, query))
        : valueOf(await rpc.listManagedProducts(admin, query));
    };
    for (const list of ["listProducts", "listManagedProducts"] as const) {
      const all: string[] = [];
      let cursor: string | undefined;
      for (;;) {
        const { items, nextCursor } = await read(list, cursor);
        all.push(...items.map(({ id }) => id));
        if (nextCursor === null) break;
        cursor = nextCursor;
      }
      expect(new Set(all)).toEqual(new Set(["prd_a", "prd_b", "prd_c"]));
      await testEnv.DB.prepare("UPDATE products SET version = version + 1, updated_at = 1 WHERE id = 'prd_a'").run();
      expect((await read(list, cursor)).items.map(({ id }) => id)).toEqual(["prd_a"]);
      await change("prd_b", { price: list === "listProducts" ? 777 : 778 });
      expect((await read(list, cursor)).items.map(({ id }) => id)).toEqual(["prd_a", "prd_b"]);
    }
    expect(await rpc.listProducts(guestCall(), { updatedSince, sort: "price" })).toMatchObject({
      error: { code: "validation_failed", errors: [{ path: "sort" }] },
    });
  });

  it("return external id and metadata to staff alone, filter by external id, and keep it unique", async () => {
    const metadata = { bin: "A-7", note: "fragile" };
    const before = await change("prd_c", { externalId: "ERP-1", metadata });
    expect(before).toMatchObject({ externalId: "ERP-1", metadata });
    expect(await managedIds({ externalId: "ERP-1" })).toEqual(["prd_c"]);
    const shown = JSON.stringify([
      valueOf(await rpc.listProducts(guestCall(), {})),
      valueOf(await rpc.getProduct(guestCall(), { idOrSlug: "prd_c" })),
    ]);
    for (const secret of ["ERP-1", "fragile", "externalId", "metadata"]) expect(shown).not.toContain(secret);
    const taken = await rpc.updateProduct(admin, { productId: "prd_b", changes: { externalId: "ERP-1" } });
    expect(taken).toMatchObject({ error: { code: "external_id_taken" } });
    expect((await change("prd_c", { metadata: { note: "fragile", bin: "A-7" } })).version).toBe(before.version);
    expect(await change("prd_c", { externalId: null, metadata: null })).toMatchObject({
      externalId: null,
      metadata: {},
    });
  });
});
