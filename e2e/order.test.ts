// One order from login to delivery, its cancellation before and after payment, and its refunds, over all Workers.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Notification } from "#shared/contracts/notifications";
import type { Order } from "#shared/contracts/orders";
import type { Payment } from "#shared/contracts/payments";
import type { Page } from "#shared/paging";
import {
  ADDRESS,
  Client,
  addToCart,
  confirmedOrder,
  eventually,
  getOrder,
  levelOf,
  newBuyer,
  orderReaches,
  pay,
  placeOrder,
} from "../scripts/shop/client.ts";
import type { Shelf } from "../scripts/shop/client.ts";
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

/** The types of an order's events by time: a cause stands before its effects. */
async function eventsOf(correlationIds: readonly string[]): Promise<string[]> {
  const workers = ["orders", "payments", "inventory"] as const;
  const rows = await Promise.all(
    workers.map((worker) =>
      shop.query<{ type: string; time: number; id: string }>(
        worker,
        "SELECT type, time, id FROM outbox WHERE correlation_id IN (SELECT value FROM json_each(?))",
        JSON.stringify(correlationIds),
      ),
    ),
  );
  return rows
    .flat()
    .toSorted((a, b) => a.time - b.time || a.id.localeCompare(b.id))
    .map(({ type }) => type);
}

async function paymentsOf(buyer: Client, orderId: string): Promise<readonly Payment[]> {
  return (await buyer.expect<{ items: Payment[] }>(200, "GET", `/api/payments/order/${orderId}`)).items;
}

async function mailsOf(buyer: Client): Promise<string[]> {
  const page = await buyer.expect<Page<Notification>>(200, "GET", "/api/notifications?limit=100");
  return page.items
    .filter(({ status }) => status === "sent")
    .map(({ template }) => template)
    .toSorted();
}

/** Waits until the buyer has exactly these messages and those of every new account. */
async function waitForMails(buyer: Client, templates: readonly string[]): Promise<void> {
  const wanted = [...templates, "welcome", "email_verification"].toSorted();
  let last: string[] = [];
  await eventually(`mails ${wanted.join(", ")}`, async () => {
    last = await mailsOf(buyer);
    return last.join() === wanted.join() ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}; there are ${last.join(", ")}`);
  });
}

describe("an order", () => {
  it("goes from the cart to DELIVERED, and every Worker agrees at the end", async () => {
    const { buyer } = await newBuyer(new Client(shop.send));
    const productId = await shelf.take(40);
    const sales = async (): Promise<Page<{ delta: number }>["items"]> =>
      (
        await admin.expect<Page<{ delta: number }>>(
          200,
          "GET",
          `/api/inventory/transactions?productId=${productId}&type=sale`,
        )
      ).items;
    // A seeded order may have sold this product too.
    const salesBefore = (await sales()).length;

    const cart = await addToCart(buyer, productId, 3);
    const placed = await buyer.call<Order>("POST", "/api/orders", { shippingAddress: ADDRESS });
    expect(placed.status).toBe(201);
    const order = placed.body;
    expect(order).toMatchObject({ status: "PENDING", subtotal: cart.subtotal, paymentStatus: "NONE" });
    expect(order.total).toBe(order.subtotal - order.discount + order.shipping + order.tax);
    expect((await buyer.expect<{ items: unknown[] }>(200, "GET", "/api/cart")).items).toEqual([]);

    const intent = await pay(shop.send, buyer, order.id);
    expect(intent.amount).toBe(order.total);
    const confirmed = await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    expect(confirmed).toMatchObject({ paymentStatus: "AUTHORIZED", stockStatus: "RESERVED" });
    expect(await levelOf(admin, productId)).toMatchObject({ onHand: 40, reserved: 3, available: 37 });

    await admin.expect(200, "PATCH", `/api/orders/${order.id}/status`, { status: "PROCESSING" });
    await admin.expect(200, "PATCH", `/api/orders/${order.id}/status`, {
      status: "SHIPPED",
      tracking: { carrier: "DHL", number: "JD0001", url: "https://track.example/JD0001" },
    });
    const shipped = await orderReaches(
      buyer,
      order.id,
      ({ paymentStatus, status }) => status === "SHIPPED" && paymentStatus === "CAPTURED",
      "is SHIPPED and CAPTURED",
    );
    expect(shipped.tracking).toMatchObject({ carrier: "DHL", number: "JD0001" });
    await eventually("the stock is consumed", async () => {
      const { onHand, reserved } = await levelOf(admin, productId);
      return onHand === 37 && reserved === 0 ? true : undefined;
    });
    const delivered = await admin.expect<Order>(200, "PATCH", `/api/orders/${order.id}/status`, {
      status: "DELIVERED",
    });
    expect(delivered.history.map(({ from, to }) => [from, to])).toEqual([
      [null, "PENDING"],
      ["PENDING", "CONFIRMED"],
      ["CONFIRMED", "PROCESSING"],
      ["PROCESSING", "SHIPPED"],
      ["SHIPPED", "DELIVERED"],
    ]);

    const [payment, ...others] = await paymentsOf(buyer, order.id);
    expect(others).toEqual([]);
    expect(payment).toMatchObject({
      status: "CAPTURED",
      amount: order.total,
      amountCaptured: order.total,
      amountRefunded: 0,
    });
    await waitForMails(buyer, ["order_received", "payment_received", "order_shipped", "order_delivered"]);

    await eventually("the sale is in the ledger", async () => {
      const found = await sales();
      return found.length === salesBefore + 1 && found[0]?.delta === -3 ? true : undefined;
    });

    const correlations = await shop.query<{ correlation_id: string }>(
      "orders",
      "SELECT correlation_id FROM orders WHERE id = ?",
      order.id,
    );
    const events = await eventsOf(correlations.map(({ correlation_id }) => correlation_id));
    const caused = ["ORDER_CREATED", "STOCK_RESERVED", "PAYMENT_AUTHORIZED", "ORDER_CONFIRMED"];
    expect(caused.map((type) => events.filter((event) => event === type).length)).toEqual([1, 1, 1, 1]);
    expect(events.indexOf("ORDER_CREATED")).toBe(0);
    for (const earlier of ["STOCK_RESERVED", "PAYMENT_AUTHORIZED"]) {
      expect(events.indexOf("ORDER_CONFIRMED")).toBeGreaterThan(events.indexOf(earlier));
    }
  });

  it("cancelled before payment frees the stock and can no longer be paid", async () => {
    const { buyer } = await newBuyer(new Client(shop.send));
    const productId = await shelf.take(10);
    const order = await placeOrder(buyer, [{ productId, quantity: 4 }]);
    await orderReaches(buyer, order.id, ({ stockStatus }) => stockStatus === "RESERVED", "has its stock");
    const cancelled = await buyer.expect<Order>(200, "POST", `/api/orders/${order.id}/cancel`, {
      reason: "changed my mind",
    });
    expect(cancelled.status).toBe("CANCELLED");
    await orderReaches(buyer, order.id, ({ stockStatus }) => stockStatus === "RELEASED", "has its stock released");
    expect(await levelOf(admin, productId)).toMatchObject({ onHand: 10, reserved: 0, available: 10 });
    expect((await buyer.call<{ code: string }>("POST", "/api/payments/intent", { orderId: order.id })).body.code).toBe(
      "order_not_payable",
    );
    const again = await buyer.expect<Order>(200, "POST", `/api/orders/${order.id}/cancel`, {});
    expect(again.history).toHaveLength(2);
    expect(await paymentsOf(buyer, order.id)).toEqual([]);
    await waitForMails(buyer, ["order_cancelled", "order_received"]);
  });

  it("cancelled after payment releases stock and money", async () => {
    const { buyer } = await newBuyer(new Client(shop.send));
    const productId = await shelf.take(10);
    const order = await confirmedOrder(shop.send, buyer, [{ productId, quantity: 2 }]);
    await buyer.expect(200, "POST", `/api/orders/${order.id}/cancel`, {});
    const done = await orderReaches(
      buyer,
      order.id,
      ({ stockStatus, paymentStatus }) => stockStatus === "RELEASED" && paymentStatus === "VOIDED",
      "is released and voided",
    );
    expect(done.status).toBe("CANCELLED");
    expect(await levelOf(admin, productId)).toMatchObject({ onHand: 10, reserved: 0, available: 10 });
    expect(await paymentsOf(buyer, order.id)).toMatchObject([
      { status: "VOIDED", amountCaptured: 0, amountRefunded: 0 },
    ]);
    expect((await getOrder(buyer, order.id)).history.filter(({ to }) => to === "CANCELLED")).toHaveLength(1);
  });

  it("refunded in part and then in full returns no more than was captured", async () => {
    const { buyer } = await newBuyer(new Client(shop.send));
    const productId = await shelf.take(10);
    const order = await confirmedOrder(shop.send, buyer, [{ productId, quantity: 1 }]);
    await admin.expect(200, "PATCH", `/api/orders/${order.id}/status`, { status: "PROCESSING" });
    await admin.expect(200, "PATCH", `/api/orders/${order.id}/status`, { status: "SHIPPED" });
    const [payment] = await paymentsOf(buyer, order.id);
    const refund = (amount?: number): Promise<{ status: number; body: { code?: string } }> =>
      admin.call("POST", `/api/payments/${payment?.id ?? ""}/refund`, amount === undefined ? {} : { amount });
    expect((await refund(100)).status).toBe(201);
    expect((await refund(order.total)).body.code).toBe("amount_exceeds_captured");
    await orderReaches(
      buyer,
      order.id,
      ({ paymentStatus }) => paymentStatus === "PARTIALLY_REFUNDED",
      "is refunded in part",
    );
    expect((await refund()).status).toBe(201);
    await orderReaches(buyer, order.id, ({ paymentStatus }) => paymentStatus === "REFUNDED", "is refunded");
    expect(await paymentsOf(buyer, order.id)).toMatchObject([{ status: "REFUNDED", amountRefunded: order.total }]);
  });

  it("is hidden from other users", async () => {
    const { buyer } = await newBuyer(new Client(shop.send));
    const { buyer: other } = await newBuyer(new Client(shop.send));
    const productId = await shelf.take(10);
    const order = await placeOrder(buyer, [{ productId, quantity: 1 }]);
    for (const [method, path, body] of [
      ["GET", `/api/orders/${order.id}`],
      ["GET", `/api/orders/${order.id}/tracking`],
      ["GET", `/api/payments/order/${order.id}`],
      ["POST", `/api/orders/${order.id}/cancel`, {}],
      ["POST", "/api/payments/intent", { orderId: order.id }],
    ] as const) {
      expect((await other.call(method, path, body)).status, `${method} ${path}`).toBe(404);
    }
    expect((await getOrder(buyer, order.id)).status).toBe("PENDING");
  });
});
