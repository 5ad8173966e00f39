// An order of 1,000 lines over all Workers, from its placing to a refund, and another that is cancelled. Stock is exact everywhere, and no
// event is too long for its queue. The costs of each step are printed.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import { mapConcurrent } from "#shared/concurrency";
import { MAX_LINES } from "#shared/limits";
import {
  ADDRESS,
  Client,
  eventually,
  getOrder,
  lettersTo,
  levelOf,
  newBuyer,
  orderReaches,
  pay,
  signIn,
} from "../../scripts/shop/client.ts";
import { startShop } from "../harness.ts";
import type { Shop } from "../harness.ts";
import { spendingOf } from "../spending.ts";

const ON_HAND = 10;
const BUSY_MS = 300_000;

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ LOG_LEVEL: "debug" });
});

afterAll(async () => {
  await shop.close();
});

/** Products with ON_HAND units each, written as the seeds write them. */
async function stockUp(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `prd_large${String(index).padStart(4, "0")}`);
  const given = JSON.stringify(ids);
  await shop.query(
    "catalog",
    `INSERT INTO products (id, slug, sku, name, description, price, currency, brand_id, category_id, weight_grams, status,
      availability, available, created_at, updated_at)
    SELECT value, 'large-' || key, 'LARGE-' || key, 'Hex bolt, galvanised, number ' || key, '', 150, currency, brand_id, category_id,
      1, 'active', 'in_stock', ${String(ON_HAND)}, 1, 1
    FROM json_each(?), (SELECT currency, brand_id, category_id FROM products LIMIT 1)`,
    given,
  );
  await shop.query(
    "inventory",
    `INSERT INTO stock_levels (product_id, sku, name, vendor_id, opening, on_hand, available, low_stock_threshold, availability,
      updated_at, threshold)
    SELECT value, 'LARGE-' || key, 'Hex bolt', NULL, ?2, ?2, ?2, 0, 'in_stock', 0, 0 FROM json_each(?1)`,
    given,
    ON_HAND,
  );
  return ids;
}

async function stock(): Promise<readonly unknown[]> {
  return await shop.query(
    "inventory",
    `SELECT on_hand, reserved, count(*) AS products FROM stock_levels WHERE product_id LIKE 'prd_large%'
      GROUP BY on_hand, reserved ORDER BY on_hand`,
  );
}

/** Runs a step until the shop is still, and prints what it cost. */
async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  shop.clearLogs();
  const startedAt = Date.now();
  const result = await work();
  const answeredMs = Date.now() - startedAt;
  await shop.quiet(BUSY_MS);
  console.log(name, `answered after ${String(answeredMs)} ms`, JSON.stringify(spendingOf(shop.logs())));
  return result;
}

async function placed(buyer: Client, ids: readonly string[], quantity: number): Promise<CreatedOrder> {
  const items = ids.map((productId) => ({ productId, quantity }));
  const headers = { "idempotency-key": crypto.randomUUID() };
  // A busy machine may take longer than the gateway waits; the same request again finds the order.
  return await eventually(
    "the order is placed",
    async () => {
      const body = { items, shippingAddress: ADDRESS };
      const answer = await buyer.call<CreatedOrder>("POST", "/api/orders", body, headers);
      return answer.status === 201 || answer.status === 200 ? answer.body : undefined;
    },
    BUSY_MS,
  );
}

it(
  "of 1,000 lines is sold, partly refunded and another cancelled with exact stock",
  { timeout: 3 * BUSY_MS },
  async () => {
    const guest = new Client(shop.send);
    const admin = await signIn(guest, "admin@example.com", "Admin123!");
    const { buyer, session } = await newBuyer(guest);
    const ids = await stockUp(MAX_LINES);
    // The first call of each Stock object makes it, which takes longer than an order may.
    await mapConcurrent(ids, { concurrency: 8 }, (productId) => levelOf(admin, productId));
    await shop.quiet(BUSY_MS);
    await step("one line, placed", () => placed(buyer, ids.slice(0, 1), 1));
    const { id } = await step("1,000 lines, placed", () => placed(buyer, ids, 3));
    await step("1,000 lines, paid", async () => {
      await pay(shop.send, buyer, id);
      await orderReaches(buyer, id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    });
    const other = await step("1,000 other lines, placed", () => placed(buyer, ids, 4));
    expect(await stock()).toEqual([
      { on_hand: ON_HAND, reserved: 7, products: MAX_LINES - 1 },
      { on_hand: ON_HAND, reserved: 8, products: 1 },
    ]);

    const order: Order = await step("1,000 lines, shipped", async () => {
      for (const status of ["PROCESSING", "SHIPPED"])
        await admin.expect(200, "PATCH", `/api/orders/${id}/status`, { status });
      return await getOrder(buyer, id);
    });
    expect(order.items).toHaveLength(MAX_LINES);
    await step("1,000 other lines, cancelled", () => buyer.expect(200, "POST", `/api/orders/${other.id}/cancel`, {}));
    await step("one line, refunded", async () => {
      const lines = [{ itemId: order.items.at(-1)?.id ?? "", quantity: 2, restock: true }];
      await admin.expect(201, "POST", `/api/orders/${id}/refunds`, { lines });
    });
    // The one-line order still has its unit, and two units of the last line came back.
    expect(await stock()).toEqual(
      [
        { on_hand: ON_HAND - 3, reserved: 0, products: MAX_LINES - 2 },
        { on_hand: ON_HAND - 3, reserved: 1, products: 1 },
        { on_hand: ON_HAND - 1, reserved: 0, products: 1 },
      ].toSorted((a, b) => a.on_hand - b.on_hand || a.reserved - b.reserved),
    );
    expect((await getOrder(buyer, other.id)).stockStatus).toBe("RELEASED");

    const mails = await lettersTo(shop.send, session.user.email);
    const confirmation = mails.find(({ text }) => text.includes("LARGE-0)"))?.text ?? "";
    expect(confirmation).toContain(order.number);
    expect(confirmation).toContain("number 99 (LARGE-99)");
    expect(confirmation).toContain("and 900 more lines");
    for (const worker of ["orders", "inventory"] as const) {
      const bytes = await shop.query(
        worker,
        "SELECT type, max(length(CAST(envelope AS BLOB))) AS bytes FROM outbox WHERE subject = ? GROUP BY type",
        id,
      );
      console.log("bytes of the events of", worker, JSON.stringify(bytes));
      expect(await shop.query(worker, "SELECT event_id FROM dead_letters")).toEqual([]);
    }
  },
);
