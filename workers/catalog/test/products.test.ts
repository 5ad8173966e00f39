// One product, priced products, categories and brands, through the RPC surface and the use cases.
import { beforeAll, describe, expect, it } from "vitest";
import { MAX_LINES } from "#shared/limits";
import { guestCall } from "#shared/testkit/kit";
import { pricedProducts } from "../src/service/products.ts";
import { insertProducts, insertTaxonomy, rpc, testDeps, testEnv } from "./fixture.ts";

const call = guestCall();

beforeAll(async () => {
  await insertTaxonomy();
  await insertProducts(
    { id: "prd_1", name: "Cordless Drill", slug: "cordless-drill", vendor_id: "usr_1" },
    { id: "prd_2", name: "Hand Saw", category_id: "cat_saws", status: "archived" },
    { id: "prd_3", name: "Hack Saw", category_id: "cat_saws", brand_id: "brd_sud" },
  );
  await testEnv.DB.prepare("DELETE FROM product_images WHERE product_id = 'prd_3'").run();
});

describe("one product", () => {
  it("is found by id and by slug, with all images in order and the available number", async () => {
    const byId = await rpc.getProduct(call, { idOrSlug: "prd_1" });
    expect(byId).toMatchObject({
      ok: true,
      value: {
        id: "prd_1",
        available: 7,
        category: { path: "Tools / Drills" },
        images: [{ alt: "Cordless Drill 1" }, { alt: "Cordless Drill 2" }],
      },
    });
    expect(await rpc.getProduct(call, { idOrSlug: "cordless-drill" })).toEqual(byId);
  });

  it("can have no image", async () => {
    expect(await rpc.getProduct(call, { idOrSlug: "prd_3" })).toMatchObject({ value: { images: [] } });
  });

  it("is not found when it is archived or unknown", async () => {
    for (const idOrSlug of ["prd_2", "prd_none", "slug-2", "'", "\u0000"]) {
      expect(await rpc.getProduct(call, { idOrSlug })).toMatchObject({
        ok: false,
        error: { code: "product_not_found" },
      });
    }
  });

  it("is not cached", async () => {
    const name = async (id: string): Promise<string | undefined> => {
      const result = await rpc.getProduct(call, { idOrSlug: id });
      return result.ok ? result.value.name : undefined;
    };
    expect([await name("prd_1"), await name("prd_4")]).toEqual(["Cordless Drill", undefined]);
    await insertProducts({ id: "prd_4", name: "Late Comer", category_id: "cat_toolsafe" });
    await testEnv.DB.prepare("UPDATE products SET name = 'Renamed' WHERE id = 'prd_1'").run();
    expect([await name("prd_1"), await name("prd_4")]).toEqual(["Renamed", "Late Comer"]);
    await testEnv.DB.prepare("UPDATE products SET name = 'Cordless Drill' WHERE id = 'prd_1'").run();
  });
});

describe("priced products", () => {
  it("are returned once each, in any status, without unknown ids", async () => {
    const result = await rpc.pricedProducts(call, { ids: ["prd_1", "prd_2", "prd_1", "prd_gone"] });
    if (!result.ok) throw new Error(result.error.code);
    expect(result.value.toSorted((a, b) => a.id.localeCompare(b.id))).toMatchObject([
      { id: "prd_1", status: "active", unitPrice: 1_000, vendorId: "usr_1", imageUrl: "/images/products/prd_1/1.svg" },
      { id: "prd_2", status: "archived", vendorId: null, weightGrams: 500, minOrderQuantity: 1 },
    ]);
  });

  it("are read every time when fresh, and at most every two seconds otherwise", async () => {
    let now = 0;
    const deps = testDeps(2_000, () => now);
    const price = async (ids: string[], fresh: boolean): Promise<number[]> => {
      const result = await pricedProducts(deps, call, { ids, fresh });
      return result.ok ? result.value.map(({ unitPrice }) => unitPrice) : [];
    };
    expect(await price(["prd_1"], false)).toEqual([1_000]);
    await testEnv.DB.prepare("UPDATE products SET price = 2000 WHERE id = 'prd_1'").run();
    expect(await price(["prd_1"], true)).toEqual([2_000]);
    expect(await price(["prd_1", "prd_3"], false)).toEqual([1_000, 1_000]);
    now = 2_000;
    expect(await price(["prd_1"], false)).toEqual([2_000]);
    await testEnv.DB.prepare("UPDATE products SET price = 1000 WHERE id = 'prd_1'").run();
  });

  it("are refused for an invalid id and for more than the lines of a cart", async () => {
    const many = Array.from({ length: MAX_LINES + 1 }, (_, index) => `prd_${String(index)}`);
    for (const ids of [["ord_1"], many]) {
      expect(await rpc.pricedProducts(call, { ids })).toMatchObject({ error: { code: "validation_failed" } });
    }
    expect(await rpc.pricedProducts(call, { ids: [] })).toEqual({ ok: true, value: [] });
  });
});

describe("browsing", () => {
  it("returns the tree in order with the active products at and below each category", async () => {
    const result = await rpc.listCategories(call);
    expect(result).toMatchObject({
      value: {
        items: [
          {
            id: "cat_tools",
            slug: "tools",
            productCount: 2,
            children: [
              { id: "cat_saws", productCount: 1, children: [] },
              { id: "cat_drills", productCount: 1 },
            ],
          },
          { id: "cat_toolsafe", children: [] },
        ],
      },
    });
  });

  it("returns the brands by name with their active products", async () => {
    expect(await rpc.listBrands(call)).toMatchObject({
      value: { items: [{ id: "brd_iron" }, { id: "brd_sud", slug: "kabelwerk-sud", productCount: 1 }] },
    });
  });
});
