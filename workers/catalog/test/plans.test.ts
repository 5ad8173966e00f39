// Which index finds one product, without the statistics that D1 does not keep. bounded.test.ts counts the rows of lists.
import { beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "#shared/database";
import type { Database } from "#shared/database";
import { callAs } from "#shared/testkit/kit";
import { readCreated } from "../src/store/create-product.ts";
import { readManaged } from "../src/store/managed.ts";
import { readActiveProduct, readPricedProducts } from "../src/store/products.ts";
import { testEnv } from "./fixture.ts";

const ROWS = 5_000;
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
