// The public list: filters, facets, full text and paging, with a real D1.
import { beforeAll, describe, expect, it } from "vitest";
import { ListProductsInput } from "#shared/contracts/catalog";
import type { ProductPage } from "#shared/contracts/catalog";
import { encodeCursor } from "#shared/paging";
import { guestCall } from "#shared/testkit/kit";
import { MAX_CANDIDATES } from "../src/constants.ts";
import { planListing } from "../src/domain/listing.ts";
import { listProducts } from "../src/service/listing.ts";
import { insertProducts, insertTaxonomy, productRow, rpc, testDeps, testEnv } from "./fixture.ts";

async function outcome(query: Record<string, unknown>): ReturnType<typeof listProducts> {
  return await listProducts(testDeps(), guestCall(), ListProductsInput.parse(query));
}

async function list(query: Record<string, unknown>): Promise<ProductPage> {
  const result = await outcome(query);
  if (!result.ok) throw new Error(result.error.code);
  return result.value;
}

async function ids(query: Record<string, unknown>): Promise<string[]> {
  return (await list(query)).items.map(({ id }) => id);
}

beforeAll(async () => {
  await insertTaxonomy();
  await insertProducts(
    { id: "prd_1", name: "Cordless Drill 18 V", sku: "TOL-DRL-0001", price: 9_900, created_at: 5 },
    { id: "prd_2", name: "angle drill", price: 4_900, created_at: 4, brand_id: "brd_sud" },
    { id: "prd_3", name: "Hand Saw", price: 4_900, created_at: 3, category_id: "cat_saws", availability: "low_stock" },
    {
      id: "prd_4",
      name: "Jig Saw",
      description: "Cuts wood; not a drill.",
      price: 2_900,
      created_at: 3,
      category_id: "cat_saws",
      availability: "out_of_stock",
      available: 0,
    },
    { id: "prd_5", name: "Safety Gloves EN 388", price: 500, created_at: 1, category_id: "cat_toolsafe" },
    { id: "prd_6", name: "Draft Drill", status: "draft" },
    { id: "prd_7", name: "Archived Drill", status: "archived" },
  );
});

describe("the list", () => {
  it("contains active products only, newest first, with every documented member and the first image", async () => {
    const { items, nextCursor } = await list({});
    expect(items.map(({ id }) => id)).toEqual(["prd_1", "prd_2", "prd_4", "prd_3", "prd_5"]);
    expect(nextCursor).toBeNull();
    expect(items[1]).toEqual({
      id: "prd_2",
      slug: "slug-2",
      sku: "SKU-2",
      name: "angle drill",
      description: "A thing to sell.",
      price: 4_900,
      currency: "USD",
      brand: { id: "brd_sud", name: "Kabelwerk Süd" },
      category: { id: "cat_drills", name: "Drills", path: "Tools / Drills" },
      images: [{ url: "/images/products/prd_2/1.svg", alt: "angle drill 1" }],
      availability: "in_stock",
      weightGrams: 500,
      minOrderQuantity: 1,
      createdAt: "1970-01-01T00:00:00.004Z",
      updatedAt: "2023-11-14T22:13:20.000Z",
    });
  });

  it("sorts by price in both directions and by name ignoring case", async () => {
    expect(await ids({ sort: "price" })).toEqual(["prd_5", "prd_4", "prd_2", "prd_3", "prd_1"]);
    expect(await ids({ sort: "-price" })).toEqual(["prd_1", "prd_3", "prd_2", "prd_4", "prd_5"]);
    expect(await ids({ sort: "name" })).toEqual(["prd_2", "prd_1", "prd_3", "prd_4", "prd_5"]);
  });

  it("filters by category, id or slug, including all below it and none whose id has the same prefix", async () => {
    expect(await ids({ category: "cat_tools" })).toEqual(["prd_1", "prd_2", "prd_4", "prd_3"]);
    expect(await ids({ category: "saws" })).toEqual(["prd_4", "prd_3"]);
    expect(await ids({ category: "nothing-here" })).toEqual([]);
  });

  it("filters by brand, price range and stock", async () => {
    expect(await ids({ brand: "brd_sud" })).toEqual(["prd_2"]);
    expect(await ids({ brand: "kabelwerk-sud" })).toEqual(["prd_2"]);
    expect(await ids({ minPrice: "2900", maxPrice: "4900" })).toEqual(["prd_2", "prd_4", "prd_3"]);
    expect(await ids({ minPrice: 5_000, maxPrice: 4_000 })).toEqual([]);
    expect(await ids({ category: "saws", inStock: "true" })).toEqual(["prd_3"]);
  });
});

describe("facets", () => {
  it("count the matches, and give the whole price range", async () => {
    expect((await list({})).facets).toEqual({
      brands: [
        { id: "brd_iron", name: "Ironmark", count: 4 },
        { id: "brd_sud", name: "Kabelwerk Süd", count: 1 },
      ],
      categories: [
        { id: "cat_drills", name: "Drills", count: 2 },
        { id: "cat_saws", name: "Saws", count: 2 },
        { id: "cat_toolsafe", name: "Safety", count: 1 },
      ],
      price: { min: 500, max: 9_900 },
    });
  });

  it("ignore their own filter and obey the others", async () => {
    const { facets } = await list({ category: "saws", brand: "ironmark", minPrice: 3_000 });
    expect(facets?.categories).toEqual([
      { id: "cat_drills", name: "Drills", count: 1 },
      { id: "cat_saws", name: "Saws", count: 1 },
    ]);
    expect(facets?.brands).toEqual([{ id: "brd_iron", name: "Ironmark", count: 1 }]);
    expect(facets?.price).toEqual({ min: 2_900, max: 4_900 });
  });

  it("are empty when nothing matches", async () => {
    const empty = { brands: [], categories: [], price: null };
    expect((await list({ q: "zeppelin" })).facets).toEqual(empty);
    expect((await list({ q: "???" })).facets).toEqual(empty);
  });
});

describe("search", () => {
  it("ranks a match in the name above one in the description", async () => {
    expect(await ids({ q: "drill" })).toEqual(["prd_2", "prd_1", "prd_4"]);
  });

  it("finds by stem, by a prefix as the last word, by SKU, by brand without accents and by category", async () => {
    expect(await ids({ q: "glove" })).toEqual(["prd_5"]);
    expect(await ids({ q: "safety glo" })).toEqual(["prd_5"]);
    expect(await ids({ q: "tol-drl-00" })).toEqual(["prd_1"]);
    expect(await ids({ q: "SUD" })).toEqual(["prd_2"]);
    expect((await ids({ q: "saws", sort: "price" })).toSorted()).toEqual(["prd_3", "prd_4"]);
  });

  it("combines with filters and every order", async () => {
    expect(await ids({ q: "drill", category: "drills", sort: "price" })).toEqual(["prd_2", "prd_1"]);
    expect(await ids({ q: "saw", inStock: "true" })).toEqual(["prd_3"]);
  });

  it("ignores blank text, and finds nothing for text without a word", async () => {
    expect(await ids({ q: "   " })).toHaveLength(5);
    expect(await ids({ q: "%%%" })).toEqual([]);
  });

  it("accepts any text", async () => {
    const texts = [
      '"',
      '""',
      '"drill',
      "drill*",
      "NEAR(drill saw)",
      "drill AND",
      "NOT drill",
      "name:drill",
      "{name}: drill",
      "^drill",
      "drill + saw",
      "(",
      ")",
      "a OR b",
      "-drill",
      "'; DROP TABLE products; --",
      "\u0000drill",
      "drill\u0000",
      "😀 drill",
      "🏳️‍🌈",
      "\uD800",
      "ⅷ",
      "ﷺ",
      "a".repeat(200),
      "a ".repeat(100),
      "\u202Edrill",
      "x'1'",
      "\\",
      "%_",
      "\u{1F9FF}𞤀 drill",
    ];
    for (const q of texts) expect((await outcome({ q })).ok).toBe(true);
  });

  it("reflects a renamed brand and a deleted product", async () => {
    await insertProducts({ id: "prd_8", name: "Passing Thing", brand_id: "brd_sud" });
    await testEnv.DB.prepare("UPDATE brands SET name = 'Nordwerk' WHERE id = 'brd_sud'").run();
    expect((await ids({ q: "nordwerk" })).toSorted()).toEqual(["prd_2", "prd_8"]);
    expect(await ids({ q: "kabelwerk" })).toEqual([]);
    await testEnv.DB.prepare("UPDATE products SET name = 'Lasting Thing' WHERE id = 'prd_8'").run();
    expect(await ids({ q: "lasting" })).toEqual(["prd_8"]);
    await testEnv.DB.prepare("DELETE FROM products WHERE id = 'prd_8'").run();
    await testEnv.DB.prepare("UPDATE brands SET name = 'Kabelwerk Süd' WHERE id = 'brd_sud'").run();
    expect(await ids({ q: "lasting" })).toEqual([]);
    expect(await ids({ q: "kabelwerk" })).toEqual(["prd_2"]);
  });
});

describe("paging", () => {
  async function pages(query: Record<string, unknown>): Promise<string[]> {
    const seen: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page: ProductPage = await list({ ...query, limit: 1, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map(({ id }) => id));
      expect(page.facets === undefined).toBe(cursor !== undefined);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return seen;
  }

  it("visits every product once in every order, also equal ones", async () => {
    for (const sort of ["newest", "price", "-price", "name"]) {
      expect(await pages({ sort })).toEqual(await ids({ sort }));
    }
    expect(await pages({ q: "drill" })).toEqual(await ids({ q: "drill" }));
    expect(await pages({ category: "tools", sort: "price" })).toEqual(await ids({ category: "tools", sort: "price" }));
  });

  it("neither skips nor repeats while newer products are added", async () => {
    const first = await list({ limit: 2 });
    await insertProducts({ id: "prd_9", name: "Brand New", created_at: 9 });
    const second = await list({ limit: 2, cursor: first.nextCursor });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(["prd_1", "prd_2", "prd_4", "prd_3"]);
    await testEnv.DB.prepare("DELETE FROM products WHERE id = 'prd_9'").run();
  });

  it("refuses a cursor of other filters or another order, and a text that is no cursor", async () => {
    const { nextCursor } = await list({ limit: 1, sort: "price" });
    const wrong = [
      { sort: "price", cursor: nextCursor, brand: "ironmark" },
      { sort: "-price", cursor: nextCursor },
      { q: "drill", sort: "price", cursor: nextCursor },
      { sort: "price", cursor: "%%%" },
      { sort: "price", cursor: `${String(nextCursor)}x` },
    ];
    for (const query of wrong)
      expect(await outcome(query)).toMatchObject({ ok: false, error: { code: "invalid_cursor" } });
    expect(await ids({ sort: "price", cursor: nextCursor, limit: 3 })).toEqual(["prd_4", "prd_2", "prd_3"]);
  });

  it("refuses a forged key with the right scope", async () => {
    const scope = ["products", planListing(ListProductsInput.parse({ sort: "name" }))];
    const cursor = await encodeCursor(scope, [5, "prd_1"]);
    expect(await outcome({ sort: "name", cursor })).toMatchObject({ error: { code: "invalid_cursor" } });
  });

  it("ends a list by relevance with its last candidate", async () => {
    const many = Array.from({ length: 1_010 }, (_, index) =>
      productRow({ id: `prd_many${String(index)}`, name: `Washer ${String(index)}`, category_id: "cat_toolsafe" }),
    );
    const values = Object.keys(many[0] ?? {});
    await testEnv.DB.prepare(
      `INSERT INTO products (${values.join(", ")}) SELECT ${values.map((column) => `json_extract(value, '$.${column}')`).join(", ")} FROM json_each(?)`,
    )
      .bind(JSON.stringify(many))
      .run();
    let cursor: string | null | undefined;
    let count = 0;
    do {
      const page: ProductPage = await list({ q: "washer", limit: 100, ...(cursor === undefined ? {} : { cursor }) });
      count += page.items.length;
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(count).toBe(MAX_CANDIDATES);
    await testEnv.DB.prepare("DELETE FROM products WHERE id LIKE 'prd_many%'").run();
  });
});

describe("a list", () => {
  it("is not cached: only the gateway caches it", async () => {
    const search = async (): Promise<number> => {
      const result = await rpc.listProducts(guestCall(), { q: "comet" });
      return result.ok ? result.value.items.length : -1;
    };
    expect(await search()).toBe(0);
    await insertProducts({ id: "prd_comet", name: "Comet Lamp" });
    expect(await search()).toBe(1);
    await testEnv.DB.prepare("DELETE FROM products WHERE id = 'prd_comet'").run();
  });
});
