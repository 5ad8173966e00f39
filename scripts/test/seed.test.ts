import { scryptSync } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { Address } from "#shared/contracts/orders";
import { canonicalJson } from "#shared/hash";
import { OrderEventData } from "#shared/events/catalogue";
import { buildSeed } from "../seed/index.ts";
import { BUYER_PASSWORD } from "../seed/people.ts";
import { SEED_NOW } from "../seed/random.ts";

const MIGRATIONS = path.resolve(import.meta.dirname, "../../migrations");
const DATABASES = ["auth", "product", "inventory", "order", "payment", "notification"] as const;
const seed = buildSeed();

/** The tables of a database by its migrations, with its seed: a row that violates a constraint fails here. */
function filled(name: (typeof DATABASES)[number]): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  const folder = path.join(MIGRATIONS, name);
  for (const file of readdirSync(folder).toSorted()) database.exec(readFileSync(path.join(folder, file), "utf8"));
  database.exec("PRAGMA foreign_keys = ON");
  for (const [table, rows] of Object.entries(seed.databases[name])) {
    for (const row of rows) {
      const columns = Object.keys(row);
      const places = columns.map(() => "?").join(", ");
      database.prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`).run(...Object.values(row));
    }
  }
  return database;
}

const databases = Object.fromEntries(DATABASES.map((name) => [name, filled(name)]));

function rows(name: (typeof DATABASES)[number], query: string): Record<string, unknown>[] {
  return databases[name]?.prepare(query).all() ?? [];
}

function count(name: (typeof DATABASES)[number], query: string): number {
  return Number(rows(name, `SELECT count(*) AS n FROM ${query}`)[0]?.["n"]);
}

describe("the seed", () => {
  it("is the same every time, and quick", () => {
    const startedAt = performance.now();
    expect(canonicalJson(buildSeed())).toBe(canonicalJson(seed));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it("has the promised numbers of everything", () => {
    expect({
      users: count("auth", "users"),
      products: count("product", "products"),
      categories: count("product", "categories"),
      brands: count("product", "brands"),
      images: count("product", "product_images"),
      levels: count("inventory", "stock_levels"),
      ledger: count("inventory", "ledger"),
      reservations: count("inventory", "reservations"),
    }).toEqual({
      users: 128,
      products: 600,
      categories: 50,
      brands: 40,
      images: 1_800,
      levels: 600,
      ledger: 200,
      reservations: 150,
    });
    expect(count("order", "orders WHERE status = 'PENDING'")).toBe(0);
    const statuses = rows("order", "SELECT DISTINCT status FROM orders ORDER BY status").map(({ status }) => status);
    expect(statuses).toEqual(["CANCELLED", "CONFIRMED", "DELIVERED", "PROCESSING", "SHIPPED"]);
  });

  it("has no time after SEED_NOW", () => {
    const newest = [
      ...rows("order", "SELECT max(updated_at) AS at FROM orders"),
      ...rows("order", "SELECT max(at) AS at FROM order_history"),
      ...rows("payment", "SELECT max(updated_at) AS at FROM payments"),
      ...rows("inventory", "SELECT max(created_at) AS at FROM ledger"),
    ].map(({ at }) => Number(at));
    expect(Math.max(...newest)).toBeLessThanOrEqual(SEED_NOW);
  });

  it("has accounts with the documented passwords", () => {
    const passwords = {
      "admin@example.com": "Admin123!",
      "vendor@example.com": "Vendor123!",
      "customer@example.com": "Customer123!",
    };
    const users = rows("auth", "SELECT email, role, password_hash FROM users ORDER BY id LIMIT 4");
    expect(users.slice(0, 3).map(({ role }) => role)).toEqual(["admin", "vendor", "customer"]);
    for (const { email, password_hash: stored } of users) {
      const password = passwords[email as keyof typeof passwords] ?? BUYER_PASSWORD;
      const [, , , , salt = "", key = ""] = String(stored).split("$");
      const parameters = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 1_024 * 1_024 };
      const derived = scryptSync(password, Buffer.from(salt, "base64url"), 32, parameters);
      expect(derived.toString("base64url")).toBe(key);
    }
  });
});

describe("the seeded stock", () => {
  const levels = rows("inventory", "SELECT * FROM stock_levels");

  it("adds up: opening and ledger are what is on hand, at every entry", () => {
    const onHand = new Map(levels.map((level) => [level["product_id"], Number(level["opening"])]));
    for (const entry of rows("inventory", "SELECT * FROM ledger ORDER BY created_at, id")) {
      const after = Number(onHand.get(entry["product_id"])) + Number(entry["delta"]);
      expect(entry["on_hand_after"]).toBe(after);
      onHand.set(entry["product_id"], after);
    }
    for (const level of levels) expect(level["on_hand"]).toBe(onHand.get(level["product_id"]));
  });

  it("counts the live reservations as reserved", () => {
    const query =
      "SELECT product_id, sum(quantity) AS quantity FROM reservations WHERE state = 'reserved' GROUP BY product_id";
    const reserved = new Map(rows("inventory", query).map((row) => [row["product_id"], row["quantity"]]));
    for (const level of levels) expect(level["reserved"]).toBe(reserved.get(level["product_id"]) ?? 0);
  });

  it("agrees with the catalog", () => {
    const products = new Map(rows("product", "SELECT * FROM products").map((product) => [product["id"], product]));
    for (const level of levels) {
      const product = products.get(level["product_id"]);
      expect(product).toMatchObject({
        sku: level["sku"],
        name: level["name"],
        vendor_id: level["vendor_id"],
        available: level["available"],
        availability: level["availability"],
      });
    }
  });

  it("is low for less than 60 products and plenty for more than 100 without a minimum", () => {
    expect(count("inventory", "stock_levels WHERE available <= 10")).toBeLessThan(60);
    expect(count("inventory", "stock_levels WHERE availability = 'out_of_stock'")).toBeGreaterThan(0);
    expect(
      count("product", "products WHERE available >= 100 AND min_order_quantity = 1 AND status = 'active'"),
    ).toBeGreaterThanOrEqual(100);
  });
});

describe("the seeded orders", () => {
  const orders = rows("order", "SELECT * FROM orders");

  it("belong to seeded customers and hold the lines that are reserved", () => {
    const users = new Map(rows("auth", "SELECT id, email FROM users").map(({ id, email }) => [id, email]));
    const lineOf = "SELECT o.reservation_owner || ' ' || i.product_id || ' ' || i.quantity AS line";
    const ordered = rows("order", `${lineOf} FROM order_items i JOIN orders o ON o.id = i.order_id`);
    const reserved = rows(
      "inventory",
      "SELECT owner || ' ' || product_id || ' ' || quantity AS line FROM reservations",
    );
    const text = (list: Record<string, unknown>[]): string[] => list.map(({ line }) => String(line)).toSorted();
    expect(text(reserved)).toEqual(text(ordered));
    for (const order of orders) {
      const customer: unknown = JSON.parse(String(order["customer"]));
      expect(customer).toMatchObject({ id: order["customer_id"], email: users.get(order["customer_id"]) });
    }
  });

  it("add up, and carry what their events need", () => {
    const sums = rows("order", "SELECT order_id, sum(line_total) AS subtotal FROM order_items GROUP BY order_id");
    const subtotals = new Map(sums.map(({ order_id: id, subtotal }) => [id, subtotal]));
    for (const order of orders) {
      expect(order["subtotal"]).toBe(subtotals.get(order["id"]));
      const data = OrderEventData.parse(JSON.parse(String(order["event_data"])));
      expect(data).toMatchObject({ total: order["total"], reservationOwner: order["reservation_owner"] });
      expect(Address.safeParse(JSON.parse(String(order["shipping_address"]))).success).toBe(true);
      expect(order["unsettled"]).toBe(0);
    }
  });

  it("have a history that ends in their status, in order of time", () => {
    for (const order of orders) {
      const history = rows(
        "order",
        `SELECT * FROM order_history WHERE order_id = '${String(order["id"])}' ORDER BY version`,
      );
      const times = history.map(({ at }) => Number(at));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(history[0]).toMatchObject({ from_status: null, to_status: "PENDING", at: order["created_at"] });
      history.slice(1).forEach((entry, index) => {
        expect(entry["from_status"]).toBe(history[index]?.["to_status"]);
      });
      expect(history.at(-1)?.["to_status"]).toBe(order["status"]);
    }
  });

  it("have the reservations and sales of their status", () => {
    const expected = {
      CONFIRMED: ["RESERVED", "reserved", ["AUTHORIZED"]],
      PROCESSING: ["RESERVED", "reserved", ["AUTHORIZED"]],
      SHIPPED: ["CONSUMED", "consumed", ["CAPTURED"]],
      DELIVERED: ["CONSUMED", "consumed", ["CAPTURED"]],
      CANCELLED: ["RELEASED", "released", ["VOIDED", "REFUNDED"]],
    } as const;
    const sold = new Set(
      rows("inventory", "SELECT reference FROM ledger WHERE type = 'sale'").map((row) => row["reference"]),
    );
    for (const order of orders) {
      const [stockStatus, state, paymentStatuses] = expected[order["status"] as keyof typeof expected];
      expect(order["stock_status"]).toBe(stockStatus);
      expect(paymentStatuses).toContain(order["payment_status"]);
      const owner = String(order["reservation_owner"]);
      const states = rows("inventory", `SELECT DISTINCT state FROM reservations WHERE owner = '${owner}'`);
      expect(states).toEqual([{ state }]);
      expect(sold.has(order["id"])).toBe(state === "consumed");
    }
  });

  it("include orders of the named accounts", () => {
    const own = rows("order", "SELECT DISTINCT status FROM orders WHERE customer_id = 'usr_seed0003'");
    expect(own).toHaveLength(5);
    const vendors = rows(
      "order",
      "SELECT order_id FROM order_items GROUP BY order_id HAVING min(ifnull(vendor_id, '')) = 'usr_seed0002'",
    );
    expect(vendors.length).toBeGreaterThanOrEqual(3);
  });
});

describe("the seeded payments", () => {
  const payments = rows("payment", "SELECT * FROM payments");

  it("have the exact amounts of the orders", () => {
    const orders = new Map(rows("order", "SELECT * FROM orders").map((order) => [order["id"], order]));
    expect(payments).toHaveLength(orders.size);
    for (const payment of payments) {
      expect(orders.get(payment["order_id"])).toMatchObject({
        number: payment["order_number"],
        total: payment["amount"],
        currency: payment["currency"],
        payment_status: payment["status"],
        payment_version: payment["version"],
      });
    }
  });

  it("have a history that ends in their status, and a refund where they are refunded", () => {
    for (const payment of payments) {
      const id = String(payment["id"]);
      const history = rows(
        "payment",
        `SELECT status, at FROM payment_history WHERE payment_id = '${id}' ORDER BY version`,
      );
      const times = history.map(({ at }) => Number(at));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(history.at(-1)?.["status"]).toBe(payment["status"]);
      const refunds = rows("payment", `SELECT amount FROM refunds WHERE payment_id = '${id}' AND status = 'succeeded'`);
      const refunded = refunds.reduce((sum, { amount }) => sum + Number(amount), 0);
      expect(refunded).toBe(payment["amount_refunded"]);
    }
  });

  it("have the same state in the sandbox", () => {
    const known = new Map(seed.sandboxPayments.map((payment) => [payment.metadata["paymentId"], payment]));
    const intentStatus = {
      AUTHORIZED: "requires_capture",
      CAPTURED: "succeeded",
      REFUNDED: "succeeded",
      VOIDED: "canceled",
    };
    for (const payment of payments) {
      const intent = known.get(String(payment["id"]));
      expect(intent).toMatchObject({
        id: payment["stripe_payment_intent_id"],
        clientSecret: payment["client_secret"],
        amount: payment["amount"],
        currency: payment["currency"],
        status: intentStatus[payment["status"] as keyof typeof intentStatus],
      });
      const refunded = intent?.refunds.reduce((sum, { amount }) => sum + amount, 0);
      expect(refunded).toBe(payment["amount_refunded"]);
    }
  });
});
