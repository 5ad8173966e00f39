// The largest order there may be: 1,000 lines with the longest texts, from the cart to refunds. Each of its events fits a message.
import { runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import type { Call } from "#shared/call";
import { linesOfEvent } from "#shared/events/catalogue";
import type { EventLine } from "#shared/events/catalogue";
import type { Order } from "#shared/contracts/orders";
import type { EventEnvelope } from "#shared/events/envelope";
import { randomToken } from "#shared/hash";
import { EXCERPT_LINES, MAX_LINES, MAX_QUANTITY } from "#shared/limits";
import { MAX_EVENT_BYTES, bytesOf } from "#shared/outbox";
import { callAs, guestCall } from "#shared/testkit/kit";
import { fail } from "#shared/errors";
import { ok } from "#shared/result";
import { addItem, getCart } from "../src/service/cart.ts";
import { cancelOrder, changeStatus } from "../src/service/commands.ts";
import { expireCarts } from "../src/service/expire-carts.ts";
import { mergeCart } from "../src/service/merge.ts";
import { firstLines, getOrder, listOrders } from "../src/service/orders.ts";
import { createOrder } from "../src/service/place-order.ts";
import { quote } from "../src/service/quote.ts";
import { refundLines } from "../src/service/refunds.ts";
import {
  capturedPayment,
  fillCart,
  must,
  openShop,
  ordersEnv,
  paymentEvent,
  refusal,
  request,
  reread,
  stockEvent,
} from "./shop.ts";
import type { Shop } from "./shop.ts";

/** Three bytes each in UTF-8, the most for a character that counts as one. */
const wide = (length: number): string => "漢".repeat(length);
/** Four bytes each, and each counts as two. */
const wider = (length: number): string => "𝔸".repeat(length / 2);

const ADDRESS = {
  name: wider(100),
  line1: wider(200),
  line2: wider(200),
  city: wider(100),
  region: wider(100),
  postalCode: wider(20),
  country: "US",
  phone: wider(40),
};
const TRACKING = { carrier: wide(100), number: wide(100), url: `https://t.example/${"x".repeat(480)}` };

function largestShop(): Shop {
  return openShop({
    captureOrder: async (_call, { orderId }) => ok(capturedPayment(orderId)),
    listPayments: async (_call, { orderId }) => ok({ items: [capturedPayment(orderId)] }),
    refund: async () => fail("payment_provider_unavailable", "stubbed"),
  });
}

let shop: Shop;
let ids: readonly string[];

beforeAll(() => {
  shop = largestShop();
  ids = Array.from({ length: MAX_LINES }, () =>
    shop.product({ name: wide(160), sku: "S".repeat(64), unitPrice: 90, weightGrams: 1, stock: 10 * MAX_QUANTITY }),
  );
});

function buyer(): Call {
  const call = callAs("customer");
  const email = `${"e".repeat(242)}@example.com`;
  return { ...call, actor: { ...call.actor, name: wide(100), email } as Call["actor"] };
}

async function eventsOf(subject: string): Promise<readonly EventEnvelope[]> {
  const { results } = await ordersEnv.DB.prepare("SELECT envelope FROM outbox WHERE subject = ? ORDER BY id")
    .bind(subject)
    .all<{ envelope: string }>();
  return results.map(({ envelope }) => JSON.parse(envelope) as EventEnvelope);
}

function lineOf(productId: string, quantity: number): EventLine {
  return { productId, quantity, sku: "S".repeat(64), name: wide(160), unitPrice: 90, lineTotal: 90 * quantity };
}

describe("an order of 1,000 lines", () => {
  it("is placed from a cart, confirmed, shipped and refunded, and each of its events fits a message", async () => {
    const call = buyer();
    const admin = callAs("admin");
    await fillCart(shop, call, ids);
    const placed = must(await createOrder(shop.deps, call, request({ shippingAddress: ADDRESS }))).order;
    expect(placed.items.map(({ productId }) => productId)).toEqual(ids);
    expect(must(await getCart(shop.deps, call, {})).items).toEqual([]);

    await shop.receive(stockEvent("STOCK_RESERVED", placed.id), paymentEvent(placed.id, "AUTHORIZED", 1));
    for (const status of ["PROCESSING", "SHIPPED"] as const) {
      const change = { orderId: placed.id, status, reason: wide(500) };
      must(await changeStatus(shop.deps, admin, status === "SHIPPED" ? { ...change, tracking: TRACKING } : change));
    }
    const read = must(await getOrder(shop.deps, call, { orderId: placed.id }));
    expect(read.items).toEqual(placed.items);

    const events = await eventsOf(placed.id);
    expect(events.map(({ type }) => type)).toEqual([
      "ORDER_CREATED",
      "ORDER_CONFIRMED",
      "ORDER_PROCESSING",
      "ORDER_SHIPPED",
    ]);
    for (const event of events) {
      expect(bytesOf(event), event.type).toBeLessThan(MAX_EVENT_BYTES);
      expect(event.data).toMatchObject(linesOfEvent(ids.map((productId) => lineOf(productId, 1))));
    }
  });

  it("is cancelled with its lines in the event", async () => {
    const call = buyer();
    const items = ids.map((productId) => ({ productId, quantity: 1 }));
    const { id } = must(await createOrder(shop.deps, call, request({ items, shippingAddress: ADDRESS }))).order;
    must(await cancelOrder(shop.deps, call, { orderId: id, reason: wide(500) }));
    const cancelled = (await eventsOf(id)).find(({ type }) => type === "ORDER_CANCELLED");
    expect(cancelled?.data).toMatchObject({ lines: items });
    expect(cancelled === undefined ? 0 : bytesOf(cancelled)).toBeLessThan(MAX_EVENT_BYTES);
  });

  it("refunds one line, then all that is left with each line named twice", async () => {
    const call = buyer();
    const admin = callAs("admin");
    const done = shop.with({
      payments: {
        ...shop.deps.payments,
        refund: async () => ok({ refund: { status: "succeeded" }, replayed: false }) as never,
        listPayments: async (_call: Call, { orderId }: { orderId: string }) =>
          ok({ items: [capturedPayment(orderId)] }),
      },
    });
    const items = ids.map((productId) => ({ productId, quantity: 3 }));
    const { id, items: lines } = must(
      await createOrder(done.deps, call, request({ items, shippingAddress: ADDRESS })),
    ).order;
    const [first] = lines;
    const one = [{ itemId: first?.id ?? "", quantity: 1, restock: true }];
    expect(
      must(await refundLines(done.deps, admin, { orderId: id, lines: one, includeShipping: false })).refund,
    ).toMatchObject({ status: "done", amount: 90 });
    const rest = lines.flatMap(({ id: itemId }, index) => [
      { itemId, quantity: 1, restock: true },
      ...(index === 0 ? [] : [{ itemId, quantity: 1, restock: false }]),
    ]);
    must(await refundLines(done.deps, admin, { orderId: id, lines: rest, includeShipping: true }));
    const order = await reread(done, id);
    expect(order.items.map(({ refundedQuantity }) => refundedQuantity)).toEqual(lines.map(() => 2));
    const returns = (await eventsOf(id)).filter(({ type }) => type === "ORDER_RETURNED");
    expect(returns.map(({ data }) => ("lines" in data ? data.lines.length : 0))).toEqual([1, MAX_LINES]);
    for (const event of returns) expect(bytesOf(event)).toBeLessThan(MAX_EVENT_BYTES);
    const over = await refundLines(done.deps, admin, { orderId: id, lines: [...one, ...one], includeShipping: false });
    expect(refusal(over).code).toBe("refund_exceeds_order");
  });

  it("gives other Workers the first lines of several orders in one read", async () => {
    const [large, small] = await Promise.all(
      [ids.slice(0, 200), ids.slice(0, 2)].map(async (some) => {
        const items = some.map((productId) => ({ productId, quantity: 2 }));
        return must(await createOrder(shop.deps, buyer(), request({ items }))).order.id;
      }),
    );
    const orderIds = [large ?? "", small ?? "", "ord_gone"];
    const read = must(await firstLines(shop.deps, callAs("admin"), { orderIds, limit: EXCERPT_LINES }));
    const byId = new Map(read.map(({ orderId, lines }) => [orderId, lines]));
    expect([...byId.keys()].toSorted()).toEqual(orderIds.slice(0, 2).toSorted());
    expect(byId.get(large ?? "")).toMatchObject(ids.slice(0, EXCERPT_LINES).map((id) => lineOf(id, 2)));
    expect(byId.get(small ?? "")).toHaveLength(2);
  });

  it("is listed", async () => {
    const call = buyer();
    const items = ids.map((productId) => ({ productId, quantity: 1 }));
    for (let made = 0; made < 2; made += 1) must(await createOrder(shop.deps, call, request({ items })));
    const page = must(await listOrders(shop.deps, call, { limit: 20 }));
    expect(page.items.map((order: Order) => order.items.length)).toEqual([MAX_LINES, MAX_LINES]);
  });
});

describe("a cart of 1,000 lines", () => {
  it("fits its object and one message to a socket", async () => {
    const call = buyer();
    await fillCart(shop, call, ids);
    const cart = must(await getCart(shop.deps, call, {}));
    expect(cart.items).toHaveLength(MAX_LINES);
    expect(new TextEncoder().encode(JSON.stringify(cart)).byteLength).toBeLessThan(1_000_000);
    const stored = await runInDurableObject(ordersEnv.CART.getByName(call.actor.id), (_cart, state) =>
      JSON.stringify(state.storage.kv.get("cart")),
    );
    // A row holds 2 MB. A checkout adds at most half as much, a merge as much again.
    expect(stored.length).toBeLessThan(500_000);
  });

  it("merges with another of 1,000 lines", async () => {
    const user = buyer();
    const others = Array.from({ length: 3 }, () => shop.product());
    await fillCart(shop, user, ids);
    const cartToken = randomToken();
    for (const productId of [...others, ids[0] ?? ""]) {
      must(await addItem(shop.deps, guestCall(), { cartToken, productId, quantity: 2 }));
    }
    const merged = must(await mergeCart(shop.deps, user, { cartToken }));
    expect(merged.items).toHaveLength(MAX_LINES);
    expect(merged.items[0]).toMatchObject({ productId: ids[0], quantity: 3 });
    expect(merged.notMerged.map(({ productId }) => productId)).toEqual(others);
  });

  it("expires with its lines named and the first described", async () => {
    const call = buyer();
    const own = largestShop();
    const products = ids.map(() => own.product({ name: wide(160), sku: "S".repeat(64) }));
    await fillCart(own, call, products);
    own.advance(own.deps.cartTtlMs);
    await expireCarts(own.deps, { everything: true });
    const expired = own.sent.map(({ event }) => event).find(({ type }) => type === "CART_EXPIRED");
    expect(expired?.data).toMatchObject({ lines: products.map((productId) => ({ productId, quantity: 1 })) });
    expect(expired !== undefined && "excerpt" in expired.data ? expired.data.excerpt : []).toHaveLength(EXCERPT_LINES);
    expect(expired === undefined ? 0 : bytesOf(expired)).toBeLessThan(MAX_EVENT_BYTES);
  });

  it("is shown and refused as too expensive, however much it costs", async () => {
    const call = callAs("customer");
    const own = largestShop();
    const products = ids.map(() => own.product({ unitPrice: 99_999_999, stock: MAX_QUANTITY, weightGrams: 1_000_000 }));
    const items = products.map((productId) => ({ productId, quantity: MAX_QUANTITY }));
    expect(refusal(await quote(own.deps, call, request({ items }))).code).toBe("validation_failed");
    expect(refusal(await createOrder(own.deps, call, request({ items }))).code).toBe("validation_failed");
    await fillCart(own, call, products, MAX_QUANTITY);
    expect(must(await getCart(own.deps, call, {})).subtotal).toBe(Number.MAX_SAFE_INTEGER);
  });
});
