// No page of a list reads more rows than its limits say, whatever is filtered, searched and sorted, and its pages together give each
// product once. The shop has more products than any of the limits, few brands, and stock of its oldest products only.
import { beforeAll, describe, expect, it } from "vitest";
import type { Call } from "#shared/call";
import { ListProductsInput } from "#shared/contracts/catalog";
import type { Facets, ProductPage } from "#shared/contracts/catalog";
import { ListManagedInput } from "#shared/contracts/catalog-staff";
import type { ManagedProductPage } from "#shared/contracts/catalog-staff";
import type { Database } from "#shared/database";
import type { Outcome } from "#shared/errors";
import { CountingDatabase } from "#shared/testkit/counting";
import { callAs, guestCall } from "#shared/testkit/kit";
import { runs } from "#shared/testkit/runs";
import { MAX_CANDIDATES, MAX_ROWS_READ } from "../src/constants.ts";
import { listManagedProducts, listProducts } from "../src/service/listing.ts";
import { testDeps, testEnv } from "./fixture.ts";

const PRODUCTS = 6_000;
/** Two departments with 20 categories each; 40 brands, of which two have half of all products. */
const FILL = [
  `INSERT INTO brands (id, slug, name) WITH RECURSIVE rows (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n < 39)
    SELECT 'brd_' || n, 'brand-' || n, 'Brand ' || n FROM rows`,
  `INSERT INTO categories (id, parent_id, slug, name, path, id_path, position)
    SELECT 'cat_d' || value, NULL, 'department-' || value, 'D' || value, 'D' || value, '/cat_d' || value || '/', value
    FROM json_each('[0, 1]')`,
  `INSERT INTO categories (id, parent_id, slug, name, path, id_path, position)
    WITH RECURSIVE rows (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n < 39)
    SELECT 'cat_c' || n, 'cat_d' || (n % 2), 'category-' || n, 'C' || n, 'D / C' || n, '/cat_d' || (n % 2) || '/cat_c' || n || '/', n FROM rows`,
  `INSERT INTO products (id, slug, sku, name, description, price, currency, brand_id, category_id, vendor_id, weight_grams, status,
      availability, available, external_id, created_at, updated_at)
    WITH RECURSIVE rows (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < ${String(PRODUCTS)})
    SELECT 'prd_' || n, 'slug-' || n, 'SKU-' || n, iif(n % 3 = 0, 'steel washer ', 'Bolt ') || (n * 31 % 997),
      'of steel' || iif(n % 500 = 7, ' and titanium', ''), n * 7919 % 5000 + 1, 'USD',
      'brd_' || iif(n % 2 = 0, n / 2 % 2, n / 2 % 40), 'cat_c' || (n / 5 % 40), 'usr_' || (n % 2), 1,
      CASE WHEN n % 11 = 0 THEN 'draft' WHEN n % 13 = 0 THEN 'archived' ELSE 'active' END,
      iif(n < 100, 'in_stock', 'out_of_stock'), iif(n < 100, 5, 0), iif(n % 100 = 0, 'E' || n, NULL), n / 2, n / 2 FROM rows`,
];

beforeAll(async () => {
  for (const statement of FILL) await testEnv.DB.prepare(statement).run();
}, 240_000);

type Query = Readonly<Record<string, string | number>>;
type List<Page> = (db: Database, query: Query) => Promise<Outcome<Page>>;

const shopList: List<ProductPage> = async (db, query) =>
  await listProducts({ ...testDeps(), db }, guestCall(), ListProductsInput.parse(query));
const staffList =
  (call: Call): List<ManagedProductPage> =>
  async (db, query) =>
    await listManagedProducts({ ...testDeps(), db }, call, ListManagedInput.parse(query));

interface Read<Page> {
  readonly page: Page;
  readonly rowsRead: number;
}

async function count<Page>(list: List<Page>, query: Query): Promise<Read<Page>> {
  const db = new CountingDatabase(testEnv.DB);
  const page = await list(db, query);
  if (!page.ok) throw new Error(`${page.error.code} ${JSON.stringify(query)}`);
  return { page: page.value, rowsRead: db.rowsRead };
}

/** Reads a page. Fails when it reads more rows than any page may. */
async function read<Page>(list: List<Page>, query: Query): Promise<Page> {
  const { page, rowsRead } = await count(list, query);
  expect(rowsRead, JSON.stringify(query)).toBeLessThanOrEqual(MAX_ROWS_READ);
  return page;
}

/** The queries whose first page of 100 reads more rows than any page may. The short form tries a third of them. */
async function expensive(list: List<unknown>, queries: readonly Query[]): Promise<string[]> {
  const found: string[] = [];
  const isShort = runs(1).numRuns === 1;
  for (const query of queries.filter((_query, index) => !isShort || index % 3 === 0)) {
    const { rowsRead } = await count(list, { ...query, limit: 100 });
    if (rowsRead > MAX_ROWS_READ) found.push(`${String(rowsRead)} ${JSON.stringify(query)}`);
  }
  return found;
}

async function readAllPages(list: List<ProductPage | ManagedProductPage>, query: Query): Promise<string[]> {
  const ids: string[] = [];
  let next: Query | undefined = { ...query, limit: 100 };
  while (next !== undefined) {
    const page: ProductPage | ManagedProductPage = await read(list, next);
    ids.push(...page.items.map(({ id }) => id));
    next = page.nextCursor === null ? undefined : { ...query, limit: 100, cursor: page.nextCursor };
  }
  return ids;
}

async function idsWhere(where: string, order = "created_at DESC, id DESC"): Promise<string[]> {
  const { results } = await testEnv.DB.prepare(`SELECT id FROM products WHERE ${where} ORDER BY ${order}`).all<{
    id: string;
  }>();
  return results.map(({ id }) => id);
}

function combinations(...choices: readonly (readonly Query[])[]): Query[] {
  return choices.reduce<Query[]>(
    (all, choice) => all.flatMap((query) => choice.map((more) => ({ ...query, ...more }))),
    [{}],
  );
}

const MANY_BRANDS = Array.from({ length: 20 }, (_, index) => `brd_${String(index)}`).join();
const MANY_CATEGORIES = Array.from({ length: 20 }, (_, index) => `category-${String(index)}`).join();
const CATEGORIES = [{}, { category: "department-1" }, { category: "category-3" }, { category: MANY_CATEGORIES }];
const BRANDS = [{}, { brand: "brand-1" }, { brand: MANY_BRANDS }];
const PRICES = [{}, { minPrice: 2_000, maxPrice: 2_100 }, { minPrice: 500 }];
const STOCK = [{}, { inStock: "true" }];
const SORTS = ["newest", "price", "-price", "name"].map((sort) => ({ sort }));
const SINCE = { updatedSince: "1970-01-01T00:00:00Z" };
const WORDS = ["steel", "s", "washer", "steel titanium", "zeppelin"].map((q) => ({ q }));

describe("a page of the shop", () => {
  it("reads few rows by any filters and order", async () => {
    expect(await expensive(shopList, combinations(CATEGORIES, BRANDS, PRICES, STOCK, SORTS))).toEqual([]);
    expect(await expensive(shopList, combinations([SINCE], CATEGORIES, BRANDS, STOCK))).toEqual([]);
  }, 240_000);

  it("reads few rows by any words, filters and order", async () => {
    const more = [{}, { minPrice: 500, inStock: "true" }, { sort: "price" }];
    expect(await expensive(shopList, combinations(WORDS, CATEGORIES, BRANDS, more))).toEqual([]);
  }, 240_000);

  it("reads little more than it shows where an index serves all", async () => {
    for (const query of combinations(CATEGORIES.slice(0, 3), BRANDS.slice(0, 2), SORTS)) {
      const { page, rowsRead } = await count(shopList, { ...query, limit: 5 });
      expect(rowsRead).toBeLessThanOrEqual(1_000);
      const next = await count(shopList, { ...query, limit: 5, cursor: page.nextCursor ?? "" });
      expect(next.rowsRead).toBeLessThanOrEqual(100);
    }
    expect((await count(shopList, { sku: "sku-77" })).rowsRead).toBeLessThanOrEqual(50);
  }, 240_000);

  it("follows one that began anywhere, until each product was shown once and in order", async () => {
    const active = "status = 'active'";
    const inDepartment = "category_id IN (SELECT id FROM categories WHERE parent_id = 'cat_d1')";
    const inCategories = `category_id IN (SELECT id FROM categories WHERE slug IN (SELECT value FROM json_each('${JSON.stringify(MANY_CATEGORIES.split(","))}')))`;
    const cases: readonly (readonly [Query, string, string?])[] = [
      [{}, active],
      [{ sort: "name" }, active, "name, id"],
      [{ category: "department-1", sort: "-price" }, `${active} AND ${inDepartment}`, "price DESC, id DESC"],
      [
        { category: MANY_CATEGORIES, brand: "brd_1,brd_0,brd_5" },
        `${active} AND ${inCategories} AND brand_id IN ('brd_0', 'brd_1', 'brd_5')`,
      ],
      [{ category: "department-1,category-1" }, `${active} AND ${inDepartment}`],
      [{ inStock: "true" }, `${active} AND availability <> 'out_of_stock'`],
      [
        { inStock: "true", brand: MANY_BRANDS, sort: "price" },
        `${active} AND availability <> 'out_of_stock' AND CAST(substr(brand_id, 5) AS INTEGER) < 20`,
        "price, id",
      ],
      [{ minPrice: 2_000, maxPrice: 2_100 }, `${active} AND price BETWEEN 2000 AND 2100`],
      [{ minPrice: 500, sort: "name" }, `${active} AND price >= 500`, "name, id"],
      [{ updatedSince: "1970-01-01T00:00:00Z", brand: "brd_7" }, `${active} AND brand_id = 'brd_7'`, "change_seq"],
      [
        { updatedSince: "1970-01-01T00:00:00Z", category: "department-1", inStock: "true" },
        `${active} AND ${inDepartment} AND availability <> 'out_of_stock'`,
        "change_seq",
      ],
      [{ q: "titanium", sort: "newest" }, `${active} AND description LIKE '%titanium'`],
    ];
    for (const [query, where, order] of cases) {
      expect(await readAllPages(shopList, query), JSON.stringify(query)).toEqual(await idsWhere(where, order));
    }
  }, 240_000);

  it("finds a rare word among common ones, and the newest products of a common one", async () => {
    const titanium = await idsWhere("status = 'active' AND description LIKE '%titanium'");
    const found = await read(shopList, { q: "steel titanium", limit: 100 });
    expect(found.items.map(({ id }) => id).toSorted()).toEqual(titanium.toSorted());
    const { items, facets } = await read(shopList, { q: "steel", limit: 100 });
    expect(items.every(({ name }) => name.startsWith("steel washer"))).toBe(true);
    const brands = facets?.brands ?? [];
    expect(brands.reduce((sum, { count }) => sum + count, 0)).toBe(MAX_CANDIDATES);
    expect(brands.every(({ atLeast }) => atLeast === true)).toBe(true);
    const inCategory = await read(shopList, { q: "steel", category: "category-3", limit: 100 });
    expect(inCategory.facets?.brands.some(({ atLeast }) => atLeast === true)).toBe(false);
    expect(inCategory.items.every(({ category }) => category.id === "cat_c3")).toBe(true);
  });

  it("refuses a feed of changes by words that match too many products", async () => {
    const query = ListProductsInput.parse({ q: "steel", updatedSince: "1970-01-01T00:00:00Z" });
    expect(await listProducts(testDeps(), guestCall(), query)).toMatchObject({
      error: { code: "validation_failed", errors: [{ path: "q" }] },
    });
  });
});

describe("the facets of the shop", () => {
  async function counted(member: "brand_id" | "category_id", where: string): Promise<Map<string, number>> {
    const { results } = await testEnv.DB.prepare(
      `SELECT ${member} AS id, count(*) AS count FROM products WHERE status = 'active' AND ${where} GROUP BY 1`,
    ).all<{ id: string; count: number }>();
    return new Map(results.map(({ id, count }) => [id, count]));
  }
  const counts = (entries: Facets["brands"]): Map<string, number> =>
    new Map(entries.map(({ id, count }) => [id, count]));

  it("are exact by category and brand", async () => {
    const { facets } = await read(shopList, { category: "category-3,category-4", brand: "brd_0,brd_1" });
    expect(counts(facets?.brands ?? [])).toEqual(await counted("brand_id", "category_id IN ('cat_c3', 'cat_c4')"));
    expect(counts(facets?.categories ?? [])).toEqual(await counted("category_id", "brand_id IN ('brd_0', 'brd_1')"));
    const price = await testEnv.DB.prepare(
      "SELECT min(price) AS min, max(price) AS max FROM products WHERE status = 'active' AND category_id IN ('cat_c3', 'cat_c4') AND brand_id IN ('brd_0', 'brd_1')",
    ).first();
    expect(facets?.price).toEqual(price);
  });

  it("are lower bounds by stock and price where there are many products, and exact where there are few", async () => {
    const all = await counted("brand_id", "price >= 500");
    const { facets } = await read(shopList, { minPrice: 500 });
    for (const { id, count, atLeast } of facets?.brands ?? []) {
      expect(atLeast).toBe(true);
      expect(count).toBeLessThanOrEqual(all.get(id) ?? 0);
    }
    const few = await read(shopList, { minPrice: 500, category: "category-3" });
    expect(counts(few.facets?.brands ?? [])).toEqual(
      await counted("brand_id", "price >= 500 AND category_id = 'cat_c3'"),
    );
    const stocked = await read(shopList, { inStock: "true", category: "category-3" });
    expect(counts(stocked.facets?.brands ?? [])).toEqual(
      await counted("brand_id", "availability <> 'out_of_stock' AND category_id = 'cat_c3'"),
    );
    expect(stocked.facets?.brands.some(({ atLeast }) => atLeast === true)).toBe(false);
  });
});

describe("a page of staff's list", () => {
  const admin = staffList(callAs("admin"));
  const vendor = staffList(callAs("vendor", "usr_1"));
  const STATUS = [{}, { status: "active" }, { status: "draft" }];

  it("reads few rows by any filters", async () => {
    const queries = [
      ...combinations(CATEGORIES, BRANDS, STATUS, [{}, SINCE]),
      ...combinations(WORDS, CATEGORIES, STATUS),
    ];
    expect(await expensive(admin, queries)).toEqual([]);
    expect(await expensive(vendor, queries)).toEqual([]);
    expect((await count(admin, { externalId: "E500" })).rowsRead).toBeLessThanOrEqual(50);
  }, 240_000);

  it("follows one that began anywhere, until each product was shown once and in order", async () => {
    const cases: readonly (readonly [List<ManagedProductPage>, Query, string, string?])[] = [
      [admin, {}, "true"],
      [admin, { status: "archived" }, "status = 'archived'"],
      [admin, { brand: "brd_1,brd_5", status: "draft" }, "brand_id IN ('brd_1', 'brd_5') AND status = 'draft'"],
      [admin, { category: "department-1" }, "category_id IN (SELECT id FROM categories WHERE parent_id = 'cat_d1')"],
      [vendor, {}, "vendor_id = 'usr_1'"],
      [
        vendor,
        { category: "category-3", brand: "brand-1" },
        "vendor_id = 'usr_1' AND category_id = 'cat_c3' AND brand_id = 'brd_1'",
      ],
      [
        vendor,
        { updatedSince: "1970-01-01T00:00:00Z", status: "draft" },
        "vendor_id = 'usr_1' AND status = 'draft'",
        "change_seq",
      ],
      [vendor, { q: "titanium" }, "vendor_id = 'usr_1' AND description LIKE '%titanium'"],
    ];
    for (const [list, query, where, order] of cases) {
      expect(await readAllPages(list, query), JSON.stringify(query)).toEqual(await idsWhere(where, order));
    }
  }, 240_000);
});
