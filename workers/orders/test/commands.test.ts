// Commands on orders: who sees an order, who changes its status, who pays for it.
import { beforeEach, describe, expect, it } from "vitest";
import type { PaymentsContract } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import { randomToken } from "#shared/hash";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { callAs, guestCall } from "#shared/testkit/kit";
import { estimatedDelivery } from "../src/domain/shipping.ts";
import { cancelOrder, changeStatus } from "../src/service/commands.ts";
import { createOrder } from "../src/service/place-order.ts";
import { getOrder, getTracking, listOrderPayments, listOrders } from "../src/service/orders.ts";
import { payOrder } from "../src/service/pay.ts";
import {
  capturedPayment,
  confirmedOrder,
  eventTypes,
  must,
  openShop,
  ordered,
  paymentEvent,
  refusal,
  request,
  reread,
  stockEvent,
} from "./shop.ts";
import type { Shop } from "./shop.ts";

const admin = callAs("admin");
let shop: Shop;
/** The inputs of createIntent, in order. */
let intents: Parameters<PaymentsContract["createIntent"]>[1][];
let captures: number;
beforeEach(() => {
  intents = [];
  captures = 0;
  shop = openShop({
    captureOrder: async (_call, { orderId }) => {
      captures += 1;
      return ok(capturedPayment(orderId));
    },
    createIntent: async (_call, input) => {
      intents.push(input);
      const intent = {
        id: newId("pay"),
        orderId: input.orderId,
        amount: input.amount,
        currency: input.currency,
        status: "CREATED" as const,
        stripePaymentIntentId: "pi_1",
        clientSecret: "secret",
        publishableKey: "pk_test",
      };
      return ok({ intent, created: true, replayed: false });
    },
    listPayments: async () => ok({ items: [] }),
  });
});

const move = async (orderId: string, status: string, call = admin, more: object = {}) =>
  await changeStatus(shop.deps, call, { orderId, status: status as "SHIPPED", ...more });

describe("staff", () => {
  it("moves an order to DELIVERED, capturing before it ships, and publishes each step once", async () => {
    const { id } = await confirmedOrder(shop);
    must(await move(id, "PROCESSING"));
    const tracking = { carrier: "UPS", number: "1Z999" };
    const shipped = must(await move(id, "SHIPPED", admin, { tracking }));
    expect(shipped).toMatchObject({ status: "SHIPPED", stockStatus: "RESERVED", tracking });
    expect(captures).toBe(1);
    expect(must(await move(id, "SHIPPED"))).toEqual(shipped);
    expect(captures).toBe(1);
    await shop.receive(stockEvent("STOCK_CONSUMED", id));
    const delivered = must(await move(id, "DELIVERED"));
    expect(delivered.stockStatus).toBe("CONSUMED");
    expect(delivered).toEqual({ ...(await reread(shop, id)), externalId: null, metadata: {} });
    expect(delivered.history.map(({ to }) => to)).toEqual([
      "PENDING",
      "CONFIRMED",
      "PROCESSING",
      "SHIPPED",
      "DELIVERED",
    ]);
    expect(await eventTypes(shop, id)).toEqual([
      "ORDER_CREATED",
      "ORDER_CONFIRMED",
      "ORDER_PROCESSING",
      "ORDER_SHIPPED",
      "ORDER_DELIVERED",
    ]);
    const told = shop.sent.find(({ event }) => event.subject === id && event.type === "ORDER_SHIPPED");
    expect(told?.event.data).toMatchObject({ status: "SHIPPED", tracking });
  });

  it("is refused an illegal step, which changes nothing", async () => {
    const { id } = await ordered(shop);
    for (const status of ["CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED"]) {
      expect(refusal(await move(id, status))).toMatchObject({
        code: "illegal_transition",
        from: "PENDING",
        to: status,
      });
    }
    expect(captures).toBe(0);
    expect(must(await move(id, "PENDING")).history).toHaveLength(1);
  });

  it("cannot ship while the money cannot be captured or is disputed", async () => {
    const { id } = await confirmedOrder(shop);
    must(await move(id, "PROCESSING"));
    const broke = shop.with({
      payments: { ...shop.deps.payments, captureOrder: async () => fail("payment_not_capturable", "No.") },
    });
    const refused = await changeStatus(broke.deps, admin, { orderId: id, status: "SHIPPED" });
    expect(refusal(refused).code).toBe("payment_not_capturable");
    await shop.receive(paymentEvent(id, "DISPUTED", 2));
    expect(refusal(await move(id, "SHIPPED")).code).toBe("illegal_transition");
    expect(await reread(shop, id)).toMatchObject({ status: "PROCESSING" });
  });

  it("of one vendor moves only orders whose lines are all their own", async () => {
    const vendor = callAs("vendor");
    const own = shop.product({ vendorId: vendor.actor.id });
    const foreign = shop.product({ vendorId: newId("usr") });
    const theirs = await confirmedOrder(shop, undefined, [{ productId: own, quantity: 1 }]);
    const mixed = await confirmedOrder(shop, undefined, [
      { productId: own, quantity: 1 },
      { productId: foreign, quantity: 1 },
    ]);
    expect(must(await move(theirs.id, "PROCESSING", vendor)).status).toBe("PROCESSING");
    expect(refusal(await move(mixed.id, "PROCESSING", vendor)).code).toBe("not_found");
    expect(refusal(await getOrder(shop.deps, vendor, { orderId: mixed.id })).code).toBe("not_found");
    const buyer = callAs("customer");
    const bought = await confirmedOrder(shop, buyer);
    expect(refusal(await move(bought.id, "PROCESSING", buyer)).code).toBe("forbidden");
  });

  it("decides again when the order has changed since it was read", async () => {
    const { id } = await confirmedOrder(shop);
    const results = await Promise.all([
      ...Array.from({ length: 4 }, () => move(id, "PROCESSING")),
      shop.receive(paymentEvent(id, "CAPTURED", 2)),
    ]);
    expect(results.every((result) => !("ok" in result) || result.ok)).toBe(true);
    expect((await reread(shop, id)).history.map(({ to }) => to)).toEqual(["PENDING", "CONFIRMED", "PROCESSING"]);
    expect(await eventTypes(shop, id)).toEqual(["ORDER_CREATED", "ORDER_CONFIRMED", "ORDER_PROCESSING"]);
  });
});

describe("cancelling", () => {
  it("is allowed to the buyer until it is packed, to staff until it leaves, and happens once", async () => {
    const buyer = callAs("customer");
    const order = await confirmedOrder(shop, buyer);
    const cancelled = must(await cancelOrder(shop.deps, buyer, { orderId: order.id, reason: "changed my mind" }));
    expect(cancelled.history.at(-1)).toMatchObject({
      from: "CONFIRMED",
      to: "CANCELLED",
      actor: buyer.actor.id,
      reason: "changed my mind",
    });
    expect(must(await cancelOrder(shop.deps, buyer, { orderId: order.id }))).toEqual(cancelled);
    expect(await eventTypes(shop, order.id)).toEqual(["ORDER_CREATED", "ORDER_CONFIRMED", "ORDER_CANCELLED"]);
    const consumers = shop.sent.filter(({ event }) => event.type === "ORDER_CANCELLED").map(({ consumer }) => consumer);
    expect(consumers.toSorted()).toEqual(["inventory", "notifications", "payments"]);

    const packed = await confirmedOrder(shop, buyer);
    must(await move(packed.id, "PROCESSING"));
    const refused = await cancelOrder(shop.deps, buyer, { orderId: packed.id });
    expect(refusal(refused)).toMatchObject({ code: "illegal_transition", from: "PROCESSING", to: "CANCELLED" });
    expect(must(await move(packed.id, "CANCELLED", admin, { reason: "damaged" })).status).toBe("CANCELLED");
  });

  it("and shipping concurrently end in one of the two, published once", async () => {
    const { id } = await confirmedOrder(shop);
    must(await move(id, "PROCESSING"));
    await Promise.all([move(id, "SHIPPED"), move(id, "CANCELLED")]);
    const { status, history } = await reread(shop, id);
    expect(["SHIPPED", "CANCELLED"]).toContain(status);
    expect(history).toHaveLength(4);
    expect((await eventTypes(shop, id)).at(-1)).toBe(`ORDER_${status}`);
  });
});

describe("paying", () => {
  it("makes an intent over the order's own total and marks that a payment has begun", async () => {
    const buyer = callAs("customer");
    const order = await ordered(shop, buyer);
    const paid = must(await payOrder(shop.deps, buyer, { orderId: order.id, idempotencyKey: "k" }));
    expect(paid.intent).toMatchObject({ orderId: order.id, amount: order.total });
    expect(intents).toMatchObject([
      {
        orderId: order.id,
        orderNumber: order.number,
        amount: order.total,
        currency: "USD",
        customer: { id: buyer.actor.id },
        correlationId: buyer.correlationId,
      },
    ]);
    must(await payOrder(shop.deps, buyer, { orderId: order.id, idempotencyKey: "k" }));
    expect(intents[1]?.idempotency).toEqual(intents[0]?.idempotency);
    expect(await reread(shop, order.id)).toMatchObject({ paymentStatus: "CREATED", status: "PENDING" });
  });

  it("is allowed to the buyer while the order can be paid", async () => {
    const buyer = callAs("customer");
    const order = await ordered(shop, buyer);
    const pay = async (call = buyer) => refusal(await payOrder(shop.deps, call, { orderId: order.id })).code;
    expect(await pay(callAs("customer"))).toBe("not_found");
    expect(await pay(guestCall())).toBe("not_found");
    await shop.receive(paymentEvent(order.id, "AUTHORIZED", 1));
    expect(await pay()).toBe("order_not_payable");
    const late = await ordered(shop, buyer);
    shop.advance(shop.deps.paymentWindowMs);
    expect(refusal(await payOrder(shop.deps, buyer, { orderId: late.id })).code).toBe("order_not_payable");
    const gone = await ordered(shop, buyer);
    must(await cancelOrder(shop.deps, buyer, { orderId: gone.id }));
    expect(refusal(await payOrder(shop.deps, buyer, { orderId: gone.id })).code).toBe("order_not_payable");
    expect(intents).toEqual([]);
  });

  it("repeated under its key returns its intent, even a paid one, and only to its buyer", async () => {
    const buyer = callAs("customer");
    const vendor = callAs("vendor");
    const productId = shop.product({ vendorId: vendor.actor.id });
    const order = await ordered(shop, buyer, [{ productId, quantity: 1 }]);
    const input = { orderId: order.id, idempotencyKey: "k" };
    must(await payOrder(shop.deps, buyer, input));
    await shop.receive(paymentEvent(order.id, "AUTHORIZED", 2));
    must(await payOrder(shop.deps, buyer, input));
    expect(intents[1]).toEqual({ ...intents[0], mayBegin: false });
    expect(refusal(await payOrder(shop.deps, vendor, input)).code).toBe("order_not_payable");
    expect(intents).toHaveLength(2);
  });

  it("is possible again after a decline, and for a guest by the order's token", async () => {
    const items = [{ productId: shop.product(), quantity: 1 }];
    const input = request({ items, email: "guest@example.com" });
    const { id: orderId, accessToken: orderToken } = must(await createOrder(shop.deps, guestCall(), input)).order;
    await shop.receive(paymentEvent(orderId, "FAILED", 1));
    const ref = { orderId, orderToken };
    must(await payOrder(shop.deps, guestCall(), ref));
    expect(await reread(shop, orderId)).toMatchObject({ paymentStatus: "FAILED" });
    expect(must(await listOrderPayments(shop.deps, guestCall(), ref)).items).toEqual([]);
    const stranger = { orderId, orderToken: randomToken() };
    expect(refusal(await listOrderPayments(shop.deps, guestCall(), stranger)).code).toBe("not_found");
    expect(must(await cancelOrder(shop.deps, guestCall(), ref)).history.at(-1)?.actor).toBe("guest");
  });
});

describe("reading", () => {
  it("lists newest first, page by page, one's own only, by status", async () => {
    const buyer = callAs("customer");
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      ids.unshift((await ordered(shop, buyer)).id);
      shop.advance(index % 2);
    }
    await ordered(shop);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = must(await listOrders(shop.deps, buyer, { limit: 2, ...(cursor === undefined ? {} : { cursor }) }));
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
      if (seen.length === 2) await ordered(shop, buyer);
    } while (cursor !== undefined);
    expect(seen).toEqual(ids);
    await shop.receive(stockEvent("STOCK_REJECTED", ids[2] ?? ""));
    const cancelled = must(await listOrders(shop.deps, buyer, { limit: 20, status: ["CANCELLED"] }));
    expect(cancelled.items.map(({ id }) => id)).toEqual([ids[2]]);
    const first = must(await listOrders(shop.deps, buyer, { limit: 1 }));
    const misused = await listOrders(shop.deps, admin, { limit: 1, cursor: first.nextCursor ?? "" });
    expect(refusal(misused).code).toBe("invalid_cursor");
    const other = callAs("customer");
    expect(must(await listOrders(shop.deps, other, { limit: 20, customerId: buyer.actor.id })).items).toEqual([]);
    expect(must(await listOrders(shop.deps, admin, { limit: 20, customerId: buyer.actor.id })).items).toHaveLength(6);
    expect(must(await listOrders(shop.deps, admin, { limit: 100 })).items.length).toBeGreaterThan(6);
  });

  it("returns the tracking and the estimated delivery", async () => {
    const buyer = callAs("customer");
    const order = await confirmedOrder(shop, buyer);
    const track = async () => must(await getTracking(shop.deps, buyer, { orderId: order.id }));
    const before = await track();
    expect(before).toMatchObject({ status: "CONFIRMED", carrier: null, number: null, url: null });
    const promise = (): string => new Date(estimatedDelivery(shop.deps.now(), "standard", "US")).toISOString();
    expect(before.estimatedDelivery).toBe(promise());
    // Before dispatch, the delivery is estimated as if it left now.
    shop.advance(3 * 24 * 3_600_000);
    expect((await track()).estimatedDelivery).toBe(promise());
    must(await move(order.id, "PROCESSING"));
    must(await move(order.id, "SHIPPED", admin, { tracking: { carrier: "UPS", number: "1Z999" } }));
    const promised = promise();
    shop.advance(24 * 3_600_000);
    expect(await track()).toMatchObject({ carrier: "UPS", number: "1Z999", estimatedDelivery: promised });
    must(await move(order.id, "DELIVERED"));
    const after = await track();
    expect(after.estimatedDelivery).toBeNull();
    expect(after.events.map(({ status }) => status)).toEqual([
      "PENDING",
      "CONFIRMED",
      "PROCESSING",
      "SHIPPED",
      "DELIVERED",
    ]);
    const gone = await confirmedOrder(shop, buyer);
    must(await cancelOrder(shop.deps, buyer, { orderId: gone.id, reason: "changed my mind" }));
    const ended = must(await getTracking(shop.deps, buyer, { orderId: gone.id }));
    expect(ended).toMatchObject({ status: "CANCELLED", estimatedDelivery: null });
    expect(ended.events.at(-1)).toMatchObject({ status: "CANCELLED", note: "changed my mind" });
  });
});
