// Concurrent requests for the same stock, idempotency key or cart, over all Workers.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import type { Page } from "#shared/paging";
import { ADDRESS, Client, addToCart, eventually, levelOf, newBuyer, placeOrder } from "../scripts/shop/client.ts";
import type { Answer, Problem, Shelf } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

let shop: Shop;
let admin: Client;
let shelf: Shelf;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openSharedShop());
});

afterAll(async () => {
  await shop.close();
});

function order(
  client: Client,
  items: readonly { productId: string; quantity: number }[],
  key?: string,
): Promise<Answer<CreatedOrder & Problem>> {
  return client.call(
    "POST",
    "/api/orders",
    { items, shippingAddress: ADDRESS },
    key === undefined ? {} : { "idempotency-key": key },
  );
}

/** Orders as a guest, because two hundred accounts would need two hundred password hashes. */
function guestOrder(
  items: readonly { productId: string; quantity: number }[],
  index: number,
): Promise<Answer<CreatedOrder & Problem>> {
  return new Client(shop.send).call("POST", "/api/orders", {
    items,
    shippingAddress: ADDRESS,
    email: `guest-${String(index)}@example.com`,
  });
}

/** On hand is the opening stock plus the ledger. */
async function addsUp(productId: string): Promise<boolean> {
  const [row] = await shop.query<{ opening: number; moved: number }>(
    "inventory",
    `SELECT opening, (SELECT coalesce(sum(delta), 0) FROM ledger WHERE ledger.product_id = stock_levels.product_id) AS moved
      FROM stock_levels WHERE product_id = ?`,
    productId,
  );
  return row !== undefined && row.opening + row.moved === (await levelOf(admin, productId)).onHand;
}

describe("200 buyers for 50 units", () => {
  it("make exactly 50 orders, 150 refusals and a correct ledger", async () => {
    const productId = await shelf.take(50);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => guestOrder([{ productId, quantity: 1 }], index)),
    );
    const statuses = Map.groupBy(answers, ({ status }) => status);
    expect([...statuses.keys()].toSorted((a, b) => a - b)).toEqual([201, 409]);
    expect(statuses.get(201)).toHaveLength(50);
    expect(statuses.get(409)).toHaveLength(150);
    for (const { body } of statuses.get(409) ?? []) {
      expect(body).toMatchObject({ code: "insufficient_stock", shortages: [{ productId, requested: 1 }] });
    }
    await eventually("all stock is reserved", async () => {
      const [row] = await shop.query<{ count: number }>(
        "orders",
        "SELECT count(*) AS count FROM orders JOIN order_items ON order_id = orders.id WHERE product_id = ? AND stock_status = 'RESERVED'",
        productId,
      );
      return row?.count === 50 ? true : undefined;
    });
    expect(await levelOf(admin, productId)).toMatchObject({ onHand: 50, reserved: 50, available: 0 });
    await eventually("opening and ledger are what is on hand", async () => (await addsUp(productId)) || undefined);
  });
});

describe("orders of many lines", () => {
  it("reserve nothing when one line is short", async () => {
    const [first, second, short] = [await shelf.take(10), await shelf.take(10), await shelf.take(1)];
    const { buyer } = await newBuyer(new Client(shop.send));
    const answer = await order(buyer, [
      { productId: first, quantity: 2 },
      { productId: second, quantity: 2 },
      { productId: short, quantity: 2 },
    ]);
    expect(answer.status).toBe(409);
    expect(answer.body.shortages).toEqual([{ productId: short, requested: 2, available: 1 }]);
    for (const productId of [first, second])
      expect(await levelOf(admin, productId)).toMatchObject({ reserved: 0, available: 10 });
    expect(await levelOf(admin, short)).toMatchObject({ reserved: 0, available: 1 });
  });

  it("with the same products in opposite order neither block each other nor leak stock", async () => {
    const [a, b] = [await shelf.take(10), await shelf.take(10)];
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        guestOrder(
          (index % 2 === 0 ? [a, b] : [b, a]).map((productId) => ({ productId, quantity: 1 })),
          index,
        ),
      ),
    );
    const made = answers.filter(({ status }) => status === 201).length;
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThanOrEqual(10);
    for (const productId of [a, b]) {
      expect(await levelOf(admin, productId)).toMatchObject({ onHand: 10, reserved: made, available: 10 - made });
    }
  });
});

describe("one request sent many times", () => {
  it("makes one order of 20 concurrent requests and a later one with the same Idempotency-Key", async () => {
    const productId = await shelf.take(100);
    const { buyer } = await newBuyer(new Client(shop.send));
    const key = crypto.randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => order(buyer, [{ productId, quantity: 1 }], key)),
    );
    const later = await order(buyer, [{ productId, quantity: 1 }], key);
    const made = [...answers, later].filter(({ status }) => status === 201);
    const inProgress = answers.filter(({ status, body }) => status === 409 && body.code === "idempotency_in_progress");
    expect(made.length + inProgress.length).toBe(21);
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
    expect(made.filter(({ headers }) => headers.get("idempotency-replayed") !== "true")).toHaveLength(1);
    expect(later.headers.get("idempotency-replayed")).toBe("true");
    expect((await buyer.expect<Page<Order>>(200, "GET", "/api/orders")).items).toHaveLength(1);
    expect(await levelOf(admin, productId)).toMatchObject({ reserved: 1 });

    const other = await order(buyer, [{ productId, quantity: 2 }], key);
    expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
    expect(await levelOf(admin, productId)).toMatchObject({ reserved: 1 });
  });

  it("makes another order for another user with the same key", async () => {
    const productId = await shelf.take(100);
    const key = crypto.randomUUID();
    const buyers = [await newBuyer(new Client(shop.send)), await newBuyer(new Client(shop.send))];
    const orders = await Promise.all(buyers.map(({ buyer }) => order(buyer, [{ productId, quantity: 1 }], key)));
    expect(orders.map(({ status }) => status)).toEqual([201, 201]);
    expect(new Set(orders.map(({ body }) => body.id)).size).toBe(2);
  });

  it("makes one order of two concurrent checkouts of a cart, which is empty afterwards", async () => {
    const productId = await shelf.take(100);
    const { buyer } = await newBuyer(new Client(shop.send));
    await addToCart(buyer, productId, 2);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        buyer.call<CreatedOrder & Problem>("POST", "/api/orders", { shippingAddress: ADDRESS }),
      ),
    );
    const made = answers.filter(({ status }) => status === 201);
    expect(made.length).toBeGreaterThan(0);
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
    for (const { status, body } of answers.filter((answer) => answer.status !== 201)) {
      expect([status, ["cart_empty", "idempotency_in_progress"].includes(body.code)]).toEqual([409, true]);
    }
    expect((await buyer.expect<Page<Order>>(200, "GET", "/api/orders")).items).toHaveLength(1);
    expect(await levelOf(admin, productId)).toMatchObject({ reserved: 2 });
    expect((await buyer.expect<{ items: unknown[] }>(200, "GET", "/api/cart")).items).toEqual([]);
  });

  it("keeps in the cart what was added after the checkout", async () => {
    const [bought, kept] = [await shelf.take(100), await shelf.take(100)];
    const { buyer } = await newBuyer(new Client(shop.send));
    await addToCart(buyer, bought, 2);
    await placeOrder(buyer);
    await addToCart(buyer, kept, 1);
    const cart = await buyer.expect<{ items: { productId: string; quantity: number }[] }>(200, "GET", "/api/cart");
    expect(cart.items.map(({ productId, quantity }) => [productId, quantity])).toEqual([[kept, 1]]);
  });
});
