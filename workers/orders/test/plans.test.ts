// Which index serves each filter of the list of orders, on a table of 100,000 rows, without the statistics that D1 does not keep.
import { SQLiteAsyncDialect } from "drizzle-orm/sqlite-core";
import { sql } from "drizzle-orm";
import { beforeAll, describe, expect, it } from "vitest";
import { CountingDatabase } from "#shared/testkit/counting";
import { pageQuery, searchOrders } from "../src/store/list.ts";
import type { OrderFilter, OrderKey } from "../src/store/list.ts";
import { ordersEnv } from "./shop.ts";

const ROWS = 100_000;
const FIRST = Date.parse("2026-01-01T00:00:00.000Z");
const MINUTE = 60_000;
const dialect = new SQLiteAsyncDialect();

beforeAll(async () => {
  const status = `CASE n % 6 WHEN 0 THEN 'PENDING' WHEN 1 THEN 'CONFIRMED' WHEN 2 THEN 'PROCESSING' WHEN 3 THEN 'SHIPPED'
    WHEN 4 THEN 'DELIVERED' ELSE 'CANCELLED' END`;
  const fill = (from: number, to: number): D1PreparedStatement =>
    ordersEnv.DB
      .prepare(`INSERT INTO orders (id, number, customer_id, customer, status, currency, subtotal, discount, shipping, tax, total,
        shipping_address, shipping_method, payment_status, stock_status, payment_due_at, reservation_owner, request_key, fingerprint,
        correlation_id, event_data, vendor_id, external_id, change_seq, created_at, updated_at)
      WITH RECURSIVE rows (n) AS (SELECT ${String(from)} UNION ALL SELECT n + 1 FROM rows WHERE n < ${String(to - 1)})
      SELECT printf('ord_plan%06d', n), printf('TP-PLAN-%06d', n), 'usr_' || (n % 5000), json_object('email', 'b' || (n % 5000) || '@example.com'),
        ${status}, 'USD', 1, 0, 0, 0, 1, json_object('name', 'Ada B' || n), 'standard',
        CASE n % 3 WHEN 0 THEN 'NONE' WHEN 1 THEN 'AUTHORIZED' ELSE 'CAPTURED' END, 'RESERVED', 0, 'o' || n, 'k' || n, 'f', 'c', '{}',
        CASE n % 10 WHEN 0 THEN 'usr_v' END, CASE n % 50 WHEN 0 THEN 'E' || n END, ${String(FIRST)} + n * ${String(MINUTE)},
        ${String(FIRST)} + n * ${String(MINUTE)}, ${String(FIRST)} + n * ${String(MINUTE)} FROM rows`);
  for (let from = 0; from < ROWS; from += 20_000) await fill(from, from + 20_000).run();
}, 60_000);

interface Read {
  readonly plan: string;
  readonly rows: number;
  readonly read: number;
}

async function run(filter: OrderFilter, key?: OrderKey): Promise<Read> {
  const query = dialect.sqlToQuery(pageQuery(filter, key, 21));
  const explained = dialect.sqlToQuery(sql`EXPLAIN QUERY PLAN ${pageQuery(filter, key, 21)}`);
  const [plan, page] = await Promise.all([
    ordersEnv.DB.prepare(explained.sql)
      .bind(...explained.params)
      .all<{ detail: string }>(),
    ordersEnv.DB.prepare(query.sql)
      .bind(...query.params)
      .all(),
  ]);
  return {
    plan: plan.results.map(({ detail }) => detail).join("; "),
    rows: page.results.length,
    read: page.meta.rows_read,
  };
}

const at = (n: number): number => FIRST + n * MINUTE;
const DAY = { createdFrom: at(50_000), createdTo: at(51_440) };
const LATE: OrderKey = [at(60_000), "ord_plan060000"];

const BY_TIME = "orders USING COVERING INDEX orders_by_time";
const BY_CUSTOMER = "INDEX orders_by_customer (customer_id=?)";

interface Plan {
  readonly name: string;
  readonly filter: OrderFilter;
  /** A part of the plan. */
  readonly plan: string;
  /** Left out: a full page. */
  readonly rows?: number;
}

const PLANS: readonly Plan[] = [
  { name: "nothing", filter: {}, plan: `SCAN ${BY_TIME}` },
  {
    name: "number",
    filter: { number: "TP-PLAN-000777" },
    plan: "SEARCH orders USING INDEX sqlite_autoindex_orders_2",
    rows: 1,
  },
  { name: "externalId", filter: { externalId: "E50" }, plan: "orders_by_external_id (external_id=?)", rows: 1 },
  { name: "email", filter: { email: "b77@example.com" }, plan: "INDEX orders_by_email (email=?)", rows: 20 },
  { name: "customerId", filter: { customerId: "usr_77" }, plan: `COVERING ${BY_CUSTOMER}`, rows: 20 },
  { name: "sales", filter: { vendorId: "usr_v" }, plan: "COVERING INDEX orders_by_vendor (vendor_id=?)" },
  { name: "status", filter: { status: ["PENDING"] }, plan: `SCAN ${BY_TIME}` },
  { name: "a status at work", filter: { status: ["SHIPPED"] }, plan: "COVERING INDEX orders_at_work (status=?)" },
  { name: "several statuses", filter: { status: ["PENDING", "SHIPPED"] }, plan: `SCAN ${BY_TIME}` },
  { name: "paymentStatus", filter: { paymentStatus: ["AUTHORIZED"] }, plan: `SCAN ${BY_TIME}` },
  { name: "createdFrom", filter: { createdFrom: at(99_000) }, plan: `SEARCH ${BY_TIME} (created_at>?)` },
  { name: "createdTo", filter: { createdTo: at(1_000) }, plan: `SEARCH ${BY_TIME} (created_at<?)` },
  {
    name: "updatedSince",
    filter: { updatedSince: at(99_000) },
    plan: "COVERING INDEX orders_by_change (change_seq>?)",
  },
  { name: "a day", filter: DAY, plan: `SEARCH ${BY_TIME} (created_at>? AND created_at<?)` },
  {
    name: "status in a day",
    filter: { ...DAY, status: ["PENDING"] },
    plan: `SEARCH ${BY_TIME} (created_at>? AND created_at<?)`,
  },
  {
    name: "status and paymentStatus",
    filter: { status: ["CONFIRMED"], paymentStatus: ["AUTHORIZED"] },
    plan: "INDEX orders_at_work (status=?)",
  },
  {
    name: "a customer's statuses",
    filter: { customerId: "usr_77", status: ["DELIVERED", "SHIPPED"] },
    plan: BY_CUSTOMER,
    rows: 6,
  },
  {
    name: "sales in a status",
    filter: { vendorId: "usr_v", status: ["DELIVERED"] },
    plan: "INDEX orders_by_vendor (vendor_id=?)",
  },
  {
    name: "a customer's changes",
    filter: { customerId: "usr_77", updatedSince: at(95_000) },
    plan: "USING INDEX orders_by_",
    rows: 1,
  },
];

describe("a page of orders", () => {
  it.each(PLANS)("by $name is served by an index, in its order", async ({ filter, plan: part, rows = 21 }) => {
    const { plan, rows: found, read } = await run(filter);
    expect(plan).toContain(part);
    expect(plan).not.toMatch(/SCAN orders(?! USING COVERING)/);
    // A feed of one customer's changes may sort the customer's orders.
    expect(filter.updatedSince === undefined && plan.includes("TEMP B-TREE")).toBe(false);
    expect(found).toBe(rows);
    expect(read).toBeLessThan(1_000);
  });

  it.each(PLANS.filter(({ filter }) => filter.updatedSince === undefined))(
    "by $name goes on within the same index",
    async ({ filter }) => {
      const { plan, read } = await run(filter, LATE);
      expect(plan).not.toMatch(/SCAN orders|TEMP B-TREE/);
      expect(read).toBeLessThan(1_000);
    },
  );

  it("by a rare status reads only the index, once", async () => {
    const { plan, read } = await run({ status: ["PENDING"], paymentStatus: ["DISPUTED"] });
    expect(plan).toContain("SCAN orders USING COVERING INDEX orders_by_time");
    expect(read).toBeLessThanOrEqual(ROWS + 100);
  });

  it.each([
    ["number", "tp-plan-00077", 10],
    ["e-mail", "b777@", 20],
    ["addressee", "ada b9999", 11],
  ])("by q finds the beginning of the %s in three ranges of indexes", async (_name, q, rows) => {
    const { plan, rows: found, read } = await run({ q });
    for (const index of [
      "sqlite_autoindex_orders_2 (number>? AND number<?)",
      "orders_by_email (email>? AND email<?)",
    ]) {
      expect(plan).toContain(index);
    }
    expect(plan).toContain("orders_by_addressee (addressee>? AND addressee<?)");
    expect(plan).not.toContain("SCAN orders");
    expect(found).toBe(rows);
    expect(read).toBeLessThan(500);
  });

  it("takes the position of a change from its index", async () => {
    const { results } = await ordersEnv.DB.prepare(
      "EXPLAIN QUERY PLAN SELECT max(change_seq) FROM orders WHERE change_seq IS NOT NULL",
    ).all<{ detail: string }>();
    expect(results.map(({ detail }) => detail).join()).toContain("SEARCH orders USING COVERING INDEX orders_by_change");
  });
});

describe("a text that very many orders match", () => {
  async function idsOf(q: string): Promise<string[]> {
    const ids: string[] = [];
    let key: OrderKey | undefined;
    do {
      const db = new CountingDatabase(ordersEnv.DB);
      const page = await searchOrders(db, { q }, key, 100);
      if (page === undefined) throw new Error("few orders match");
      expect(db.rowsRead).toBeLessThan(5_000);
      ids.push(...page.rows.map(({ id }) => id));
      const last = page.rows.at(-1);
      key = page.reached as OrderKey | undefined;
      if (page.rows.length === 100 && last !== undefined) key = [last.createdAt, last.id];
    } while (key !== undefined && ids.length < 300);
    return ids;
  }

  it("is searched among the newest orders, a bounded way at a time", async () => {
    const downFrom = (n: number): string[] =>
      Array.from({ length: 300 }, (_, index) => `ord_plan0${String(n - index)}`);
    expect(await idsOf("ada b")).toEqual(downFrom(99_999));
    // None of these is among the newest 20,000.
    expect(await idsOf("Ada B7")).toEqual(downFrom(79_999));
  });

  it("is looked up in its indexes where it matches few, or where another filter leaves few", async () => {
    const db = new CountingDatabase(ordersEnv.DB);
    expect(await searchOrders(db, { q: "Ada B777" }, undefined, 100)).toBeUndefined();
    expect(await searchOrders(db, { q: "Ada", customerId: "usr_77" }, undefined, 100)).toBeUndefined();
    expect(db.rowsRead).toBeLessThan(5_000);
  });
});
