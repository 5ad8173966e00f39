// The seeded catalog: complete, consistent in itself, and the same on every run.
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { FIRST_SEARCH } from "../local/session.ts";
import { ROOT } from "../local/workers.ts";
import { SEED_VENDOR_ID, catalogSeed, seedProducts } from "../seed/catalog.ts";
import type { SeedRow } from "../seed/catalog.ts";
import { slugify } from "../seed/catalog/text.ts";
import { SEED_NOW } from "../seed/random.ts";

const seed = catalogSeed();

function distinct(rows: readonly SeedRow[], column: string): number {
  return new Set(rows.map((row) => row[column])).size;
}

function numbers(rows: readonly SeedRow[], column: string): number[] {
  return rows.map((row) => Number(row[column]));
}

function inCategory(name: string): SeedRow[] {
  const category = seed.categories.find((row) => row["name"] === name);
  return seed.products.filter((row) => row["category_id"] === category?.["id"]);
}

describe("the seeded catalog", () => {
  it("has 10 departments, 50 categories, 40 brands, 600 products and three images of each", () => {
    expect(seed.categories.filter((row) => row["parent_id"] === null)).toHaveLength(10);
    expect(seed.categories).toHaveLength(50);
    expect(seed.brands).toHaveLength(40);
    expect(seed.products).toHaveLength(600);
    expect(seed.product_images).toHaveLength(1_800);
    expect(distinct(seed.product_images, "url")).toBe(1_800);
  });

  it("is the same on every run", () => {
    expect(catalogSeed()).toEqual(seed);
  });

  it("gives every row its own id, slug, SKU and name", () => {
    for (const rows of [seed.categories, seed.brands, seed.products]) {
      expect(distinct(rows, "id")).toBe(rows.length);
      expect(distinct(rows, "slug")).toBe(rows.length);
      for (const row of rows) expect(row["slug"]).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    }
    expect(distinct(seed.products, "sku")).toBe(600);
    expect(distinct(seed.products, "name")).toBe(600);
    for (const row of seed.products) expect(row["sku"]).toMatch(/^[A-Z]{3}-[A-Z]{3}-\d{4}$/);
  });

  it("builds a tree of at most three levels whose paths agree with the parents, parents first", () => {
    const known = new Map<unknown, SeedRow>();
    for (const row of seed.categories) {
      const parent = known.get(row["parent_id"]);
      expect(parent === undefined).toBe(row["parent_id"] === null);
      expect(row["id_path"]).toBe(`${String(parent?.["id_path"] ?? "/")}${String(row["id"])}/`);
      expect(row["path"]).toBe(
        parent === undefined ? row["name"] : `${String(parent["path"])} / ${String(row["name"])}`,
      );
      expect(String(row["path"]).split(" / ").length).toBeLessThanOrEqual(3);
      known.set(row["id"], row);
    }
  });

  it("puts every product into a category that has none below it, and under a brand", () => {
    const parents = new Set(seed.categories.map((row) => row["parent_id"]));
    const leaves = new Set(seed.categories.map((row) => row["id"]).filter((id) => !parents.has(id)));
    const brands = new Set(seed.brands.map((row) => row["id"]));
    expect(new Set(seed.products.map((row) => row["category_id"]))).toEqual(leaves);
    expect(new Set(seed.products.map((row) => row["brand_id"]))).toEqual(brands);
  });

  it("has plausible prices and weights", () => {
    for (const row of seed.products) {
      expect(row["price"]).toSatisfy(Number.isInteger);
      expect(row["weight_grams"]).toSatisfy(Number.isInteger);
    }
    const gloves = inCategory("Cut-Resistant Gloves");
    const trucks = inCategory("Pallet Trucks");
    expect(Math.max(...numbers(gloves, "price"))).toBeLessThanOrEqual(2_490);
    expect(Math.min(...numbers(trucks, "price"))).toBeGreaterThanOrEqual(26_900);
    expect(Math.max(...numbers(gloves, "weight_grams"))).toBeLessThanOrEqual(130);
    expect(Math.min(...numbers(trucks, "weight_grams"))).toBeGreaterThanOrEqual(58_000);
  });

  it("describes each product in two or three sentences without a gap", () => {
    for (const row of seed.products) {
      expect(String(row["description"])).not.toMatch(/[{}]|undefined/);
      expect(String(row["description"]).split(/\.(?: |$)/).length - 1).toBeGreaterThanOrEqual(2);
      expect(String(row["name"]).length).toBeLessThanOrEqual(160);
    }
  });

  it("has minimum quantities on some products and none on most", () => {
    const withMinimum = numbers(seed.products, "min_order_quantity").filter((minimum) => minimum > 1);
    expect(withMinimum.length).toBeGreaterThan(40);
    expect(withMinimum.length).toBeLessThan(150);
  });

  it("has products for the first search that the start and the README propose", () => {
    const hits = seed.products.filter((row) => String(row["name"]).toLowerCase().includes(FIRST_SEARCH));
    expect(hits.length).toBeGreaterThanOrEqual(20);
    expect(readFileSync(path.join(ROOT, "README.md"), "utf8")).toContain(`/api/products?q=${FIRST_SEARCH}`);
  });

  it("gives sixty products to the vendor", () => {
    expect(seed.products.filter((row) => row["vendor_id"] === SEED_VENDOR_ID)).toHaveLength(60);
  });

  it("has products created over the last year, in the order of their ids", () => {
    const times = numbers(seed.products, "created_at");
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Math.max(...times)).toBeLessThan(SEED_NOW);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(SEED_NOW - 365 * 24 * 60 * 60 * 1_000);
  });

  it("has the stock levels of the seeded inventory", () => {
    const { products } = catalogSeed((id) =>
      id === "prd_seed0007"
        ? { availability: "low_stock", available: 3 }
        : { availability: "out_of_stock", available: 0 },
    );
    expect(products[6]).toMatchObject({ id: "prd_seed0007", availability: "low_stock", available: 3 });
    expect(products[7]).toMatchObject({ availability: "out_of_stock", available: 0 });
  });

  it("gives the other seeds the same products", () => {
    const products = seedProducts();
    expect(products).toHaveLength(600);
    products.forEach((product, index) => {
      expect(seed.products[index]).toMatchObject({
        id: product.id,
        sku: product.sku,
        name: product.name,
        price: product.price,
        weight_grams: product.weightGrams,
        min_order_quantity: product.minOrderQuantity,
        vendor_id: product.vendorId,
      });
    });
  });
});

describe("slugify", () => {
  it("keeps ASCII letters and digits, folding accents and signs", () => {
    expect(slugify("Kabelwerk Süd 5 x 2.5 mm²")).toBe("kabelwerk-sud-5-x-2-5-mm2");
    expect(slugify(" Ampère & Fils! ")).toBe("ampere-fils");
  });
});
