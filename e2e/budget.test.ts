// The cost of a one-line order from the cart to CONFIRMED, from the lines that the Workers log at debug level. The counts depend on how
// events are batched, so the cheapest of a few orders is compared.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  Client,
  addToCart,
  eventually,
  newBuyer,
  orderReaches,
  pay,
  placeOrder,
  signIn,
  openShelf,
} from "../scripts/shop/client.ts";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

// Rows: an order needs 60. The others are index entries, for the lists of staff and the caps on abuse. One of them is the order's entry among
// those at work, by which operators count them without reading a table that grows (ADR 29).
const LIMITS = { d1RoundTrips: 15, objectCalls: 8, messagesSent: 5, rowsWritten: 76 } as const;
const ORDERS = 3;

type Cost = Record<keyof typeof LIMITS, number>;

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ LOG_LEVEL: "debug" });
});

afterAll(async () => {
  await shop.close();
});

function add(a: Cost, b: Partial<Cost>): Cost {
  return {
    d1RoundTrips: a.d1RoundTrips + (b.d1RoundTrips ?? 0),
    objectCalls: a.objectCalls + (b.objectCalls ?? 0),
    messagesSent: a.messagesSent + (b.messagesSent ?? 0),
    rowsWritten: a.rowsWritten + (b.rowsWritten ?? 0),
  };
}

describe("the budget of a one-line order", () => {
  it("is kept from the cart to CONFIRMED, with mails and projections", async () => {
    const guest = new Client(shop.send);
    const admin = await signIn(guest, "admin@example.com", "Admin123!");
    const shelf = await openShelf(admin);
    const costs: Cost[] = [];
    for (let round = 0; round < ORDERS; round += 1) {
      const productId = await shelf.take(1_000);
      const { buyer } = await newBuyer(guest);
      await eventually("the welcome mail is out and the stock is projected", async () => {
        const { items } = await buyer.expect<{ items: { status: string }[] }>(200, "GET", "/api/notifications");
        return items.some(({ status }) => status === "sent") ? true : undefined;
      });
      await shop.quiet();
      await guest.expect(200, "GET", `/api/products/${productId}`);

      shop.clearLogs();
      await addToCart(buyer, productId, 1);
      const order = await placeOrder(buyer);
      await pay(shop.send, buyer, order.id);
      await shop.quiet();
      const entries = shop.logs().filter(({ message }) => message === "cost");
      await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
      costs.push(
        entries.reduce<Cost>((sum, entry) => add(sum, entry as Partial<Cost>), {
          d1RoundTrips: 0,
          objectCalls: 0,
          messagesSent: 0,
          rowsWritten: 0,
        }),
      );
    }
    console.log("cost of a one-line order:", JSON.stringify(costs));
    for (const kind of Object.keys(LIMITS) as (keyof Cost)[]) {
      expect(Math.min(...costs.map((cost) => cost[kind])), kind).toBeLessThanOrEqual(LIMITS[kind]);
      expect(Math.min(...costs.map((cost) => cost[kind])), kind).toBeGreaterThan(0);
    }
  });
});
