// Which index serves each filter of the lists of products, on a table of 100,000 rows, without the statistics that D1 does not keep.
// Facets and the order by relevance are not checked here: they read every match, whatever the index.
import { beforeAll, describe, expect, it } from "vitest";
import type { Call } from "#shared/call";
import { ListProductsInput } from "#shared/contracts/catalog";
import { openDatabase } from "#shared/database";
import type { Database } from "#shared/database";
import { callAs } from "#shared/testkit/kit";
import { planListing } from "../src/domain/listing.ts";
import type { After } from "../src/domain/listing.ts";
import { readListing } from "../src/store/listing.ts";
import { readCreated } from "../src/store/create-product.ts";
import { readManaged } from "../src/store/managed.ts";
import { readManagedList } from "../src/store/managed-list.ts";
import type { ManagedFilter } from "../src/store/managed-list.ts";
import { readActiveProduct, readPricedProducts } from "../src/store/products.ts";
import { testEnv } from "./fixture.ts";

const ROWS = 100_000;
/** Ten departments with ten categories each, 200 brands, 100 vendors. A quarter of the products are drafts, one in 5,000 is archived. */
const FILL = [
  `INSERT INTO brands (id, slug, name) WITH RECURSIVE rows (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n < 199)
    SELECT 'brd_' || n, 'brand-' || n, 'Brand ' || n FROM rows`,
  `INSERT INTO categories (id, parent_id, slug, name, path, id_path, position)
    WITH RECURSIVE rows (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n < 9)
    SELECT 'cat_d' || n, NULL, 'department-' || n, 'D' || n, 'D' || n, '/cat_d' || n || '/', n FROM rows`,
  `INSERT INTO categories (id, parent_id, slug, name, path, id_path, position)
    WITH RECURSIVE rows (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n < 99)
    SELECT 'cat_c' || n, 'cat_d' || (n % 10), 'category-' || n, 'C' || n, 'D / C' || n, '/cat_d' || (n % 10) || '/cat_c' || n || '/', n FROM rows`,
  "DROP TRIGGER products_search_insert",
  `INSERT INTO products (id, slug, sku, name, description, price, currency, brand_id, category_id, vendor_id, weight_grams, status,
      request_key, fingerprint, external_id, change_seq, created_at, updated_at)
    WITH RECURSIVE rows (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < ${String(ROWS)})
    SELECT 'prd_' || n, 'slug-' || n, 'SKU-' || n, 'N' || n, '', n, 'USD', 'brd_' || (n % 200), 'cat_c' || (n / 3 % 100),
      'usr_' || (n % 100), 1, CASE WHEN n % 5000 = 0 THEN 'archived' WHEN n % 4 = 1 THEN 'draft' ELSE 'active' END,
      'k' || n, 'f', iif(n % 100 = 0, 'E' || n, NULL), n, n, n FROM rows`,
];

beforeAll(async () => {
  for (const statement of FILL) await testEnv.DB.prepare(statement).run();
}, 60_000);

interface Read {
  /** The details of the query plan, joined by "; ". */
  readonly plan: string;
  readonly rows: number;
  readonly read: number;
}

/** Runs a read of the store and explains its one statement. */
async function planOf(read: (db: Database) => Promise<unknown>): Promise<Read> {
  const ran: { text: string; params: unknown[] }[] = [];
  const recorded = new Proxy(testEnv.DB, {
    get: (target, member) =>
      member !== "prepare"
        ? (Reflect.get(target, member) as unknown)
        : (text: string) => ({
            bind: (...params: unknown[]) => {
              ran.push({ text, params });
              return target.prepare(text).bind(...params);
            },
          }),
  });
  await read(openDatabase(recorded));
  const [statement] = ran;
  if (statement === undefined || ran.length !== 1) throw new Error(`${String(ran.length)} statements instead of one`);
  const { text, params } = statement;
  const bound = (start: string): D1PreparedStatement => testEnv.DB.prepare(`${start}${text}`).bind(...params);
  const plan = await bound("EXPLAIN QUERY PLAN ").all<{ detail: string }>();
  const answer = await bound("").all();
  return {
    plan: plan.results.map(({ detail }) => detail).join("; "),
    rows: answer.results.length,
    read: answer.meta.rows_read,
  };
}

const admin = callAs("admin");
const VENDOR = callAs("vendor", "usr_2");
const NONE: ManagedFilter = {
  status: undefined,
  search: { kind: "all" },
  brand: undefined,
  category: undefined,
  sku: undefined,
  externalId: undefined,
  updatedSince: undefined,
  after: undefined,
  limit: 21,
};

interface Plan<Filter> {
  readonly name: string;
  readonly filter: Filter;
  /** A part of the plan. */
  readonly plan: string;
  /** Default: a full page. */
  readonly rows?: number;
  /** The rows of the index that match the filter, when the page is sorted from them. Default: the index gives the order. */
  readonly of?: number;
}

/** A row of the page costs six reads: its own, its brand, its category and its images. */
const PAGE_READS = 300;

function expectIndexed({ plan, read }: Read, wanted: Plan<unknown>): void {
  expect(plan).toContain(wanted.plan);
  expect(plan).not.toMatch(/SCAN (?:p|products|brands|b|c|categories)\b(?! USING COVERING)/);
  // Each row that is sorted is read once more.
  expect(read).toBeLessThan(PAGE_READS + 2 * (wanted.of ?? 0));
}

const OF_BRAND = "p USING INDEX products_of_brand (brand_id=?)";
const OF_CATEGORY = "p USING INDEX products_of_category (category_id=?)";
const OF_VENDOR = "INDEX products_by_vendor (vendor_id=?)";
const BY_CHANGE = "INDEX products_by_change (change_seq>?)";
const BRAND = ["brd_2"];
const CATEGORY = ["category-7"];
const DEPARTMENT = ["department-7"];

const MANAGED: readonly Plan<Partial<ManagedFilter> & { readonly call?: Call }>[] = [
  { name: "nothing", filter: {}, plan: "SCAN p USING COVERING INDEX products_managed" },
  { name: "sku", filter: { sku: "sku-77" }, plan: "sqlite_autoindex_products_3 (sku=?)", rows: 1 },
  { name: "externalId", filter: { externalId: "E500" }, plan: "products_by_external_id (external_id=?)", rows: 1 },
  { name: "updatedSince", filter: { updatedSince: 50_000 }, plan: `COVERING ${BY_CHANGE}` },
  { name: "active", filter: { status: "active" }, plan: "COVERING INDEX products_by_created" },
  { name: "draft", filter: { status: "draft" }, plan: "COVERING INDEX products_drafts" },
  { name: "archived", filter: { status: "archived" }, plan: "COVERING INDEX products_archived", rows: 20 },
  { name: "a brand", filter: { brand: BRAND }, plan: OF_BRAND, of: 500 },
  { name: "several brands", filter: { brand: ["brand-7", "brd_8"] }, plan: OF_BRAND, of: 1_000 },
  { name: "a category", filter: { category: CATEGORY }, plan: OF_CATEGORY, of: 1_000 },
  { name: "a department", filter: { category: DEPARTMENT }, plan: OF_CATEGORY, of: 10_000 },
  { name: "a vendor", filter: { call: VENDOR }, plan: `COVERING ${OF_VENDOR}` },
  {
    name: "a vendor's drafts",
    filter: { call: VENDOR, status: "draft" },
    plan: OF_VENDOR,
    rows: 0,
    of: 1_000,
  },
  { name: "a vendor's brand", filter: { call: VENDOR, brand: BRAND }, plan: OF_VENDOR, of: 1_000 },
  { name: "a vendor's category", filter: { call: VENDOR, category: DEPARTMENT }, plan: OF_VENDOR, of: 1_000 },
  { name: "a vendor's changes", filter: { call: VENDOR, updatedSince: 10_000 }, plan: "INDEX products_by_", of: 1_000 },
  { name: "a brand's drafts", filter: { brand: ["brd_1"], status: "draft" }, plan: OF_BRAND, of: 500 },
  { name: "a brand's active", filter: { brand: BRAND, status: "active" }, plan: OF_BRAND, of: 500 },
  { name: "a category's drafts", filter: { category: CATEGORY, status: "draft" }, plan: OF_CATEGORY, of: 1_000 },
  { name: "a brand in a department", filter: { brand: BRAND, category: DEPARTMENT }, plan: OF_BRAND, of: 500 },
  { name: "changes of drafts", filter: { updatedSince: 10_000, status: "draft" }, plan: BY_CHANGE },
  { name: "a brand's changes", filter: { updatedSince: 10_000, brand: BRAND }, plan: OF_BRAND, of: 500 },
];

describe("a page of staff's products", () => {
  const page = async (filter: Partial<ManagedFilter> & { readonly call?: Call }): Promise<Read> =>
    await planOf(async (db) => await readManagedList(db, filter.call ?? admin, { ...NONE, ...filter }));

  it.each(MANAGED)("by $name is served by an index", async (wanted) => {
    const first = await page(wanted.filter);
    expectIndexed(first, wanted);
    expect(first.rows).toBe(wanted.rows ?? 21);
    const isFeed = wanted.filter.updatedSince !== undefined;
    expectIndexed(await page({ ...wanted.filter, after: isFeed ? [60_000] : [60_000, "prd_60000"] }), {
      ...wanted,
      plan: "",
    });
  });
});

const since = (milliseconds: number): string => new Date(milliseconds).toISOString();
const PUBLIC: readonly Plan<Record<string, string>>[] = [
  { name: "nothing", filter: {}, plan: "SCAN p USING COVERING INDEX products_by_created" },
  { name: "price", filter: { sort: "price" }, plan: "SCAN p USING COVERING INDEX products_by_price" },
  { name: "name", filter: { sort: "name" }, plan: "SCAN p USING COVERING INDEX products_by_name" },
  { name: "sku", filter: { sku: "sku-78" }, plan: "sqlite_autoindex_products_3 (sku=?)", rows: 1 },
  { name: "updatedSince", filter: { updatedSince: since(50_000) }, plan: BY_CHANGE },
  { name: "a brand", filter: { brand: "brd_6" }, plan: OF_BRAND, of: 500 },
  { name: "several brands", filter: { brand: "brd_6,brand-8" }, plan: OF_BRAND, of: 1_000 },
  { name: "a category", filter: { category: "category-7" }, plan: OF_CATEGORY, of: 1_000 },
  { name: "a department", filter: { category: "department-7" }, plan: OF_CATEGORY, of: 10_000 },
  {
    name: "a brand in a department",
    filter: { brand: "brd_2", category: "department-7" },
    plan: "products_by_brand (brand_id=? AND category_id=?)",
    of: 500,
  },
  { name: "a brand's prices", filter: { brand: "brd_6", sort: "-price" }, plan: OF_BRAND, of: 500 },
  { name: "a category's names", filter: { category: "category-7", sort: "name" }, plan: OF_CATEGORY, of: 1_000 },
  { name: "a brand's changes", filter: { brand: "brd_6", updatedSince: since(10_000) }, plan: OF_BRAND, of: 500 },
];

describe("a page of the shop's products, without facets", () => {
  it.each(PUBLIC)("by $name is served by an index", async (wanted) => {
    const plan = planListing(ListProductsInput.parse(wanted.filter));
    const page = async (after: After): Promise<Read> =>
      await planOf(async (db) => await readListing(db, plan, after, 20, { withFacets: false }));
    const first = await page({ kind: "start" });
    expectIndexed(first, wanted);
    expect(first.rows).toBe(wanted.rows ?? 21);
    const value = plan.sort === "name" ? "N60000" : 60_000;
    expectIndexed(await page({ kind: "key", value, id: "prd_60000" }), { ...wanted, plan: "" });
  });
});

describe("one product", () => {
  it.each<[string, (db: Database) => Promise<unknown>]>([
    ["by its id", async (db) => await readActiveProduct(db, "prd_78")],
    ["by its slug", async (db) => await readActiveProduct(db, "slug-78")],
    ["for an admin", async (db) => await readManaged(db, admin, "prd_78")],
    ["for its vendor", async (db) => await readManaged(db, VENDOR, "prd_2")],
    ["by the request that created it", async (db) => await readCreated(db, "k78")],
    ["to be sold", async (db) => await readPricedProducts(db, ["prd_78"])],
  ])("%s is found by an index", async (_name, lookUp) => {
    const { plan, rows, read } = await planOf(lookUp);
    expect(plan).not.toMatch(/SCAN (?:p|products|brands|b|c|categories)\b/);
    expect(rows).toBe(1);
    expect(read).toBeLessThan(10);
  });

  it("finds the last change in the index", async () => {
    const { results } = await testEnv.DB.prepare(
      "EXPLAIN QUERY PLAN SELECT max(change_seq) FROM products WHERE change_seq IS NOT NULL",
    ).all<{ detail: string }>();
    expect(results.map(({ detail }) => detail).join()).toContain(
      "SEARCH products USING COVERING INDEX products_by_change",
    );
  });
});
