// Sweeps, and the Worker's wiring.
import { SELF, createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import type { EventEnvelope } from "#shared/events/envelope";
import { ok } from "#shared/result";
import { callAs, guestCall } from "#shared/testkit/kit";
import { UNSETTLED_AFTER_MS } from "../src/constants.ts";
import { OrdersRpc } from "../src/entrypoint.ts";
import worker from "../src/index.ts";
import { runSweeps } from "#shared/sweep";
import { plan } from "../src/scheduled.ts";
import { cancelOrder } from "../src/service/commands.ts";
import { createOrder } from "../src/service/place-order.ts";
import { createDeps, secondsSetting } from "../src/service/deps.ts";
import {
  closing,
  eventTypes,
  must,
  openShop,
  ordered,
  ordersEnv,
  paymentEvent,
  refusal,
  request,
  reread,
  stockEvent,
} from "./shop.ts";
import type { Shop } from "./shop.ts";

const cron = systemCall("cron", "cron");

describe("an unpaid order", () => {
  it("is cancelled once, when its window is over and payments has closed it", async () => {
    const shop = openShop(closing(() => "closed"));
    const call = callAs("customer");
    const order = await ordered(shop, call);
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(await reread(shop, order.id)).toMatchObject({ status: "PENDING" });
    shop.advance(shop.deps.paymentWindowMs);
    await Promise.all([1, 2, 3].map(() => runSweeps(shop.deps, plan, { call: cron, everything: false })));
    const ended = await reread(shop, order.id);
    expect(ended.history.at(-1)).toMatchObject({
      to: "CANCELLED",
      actor: "payment_timeout",
      reason: "payment_timeout",
    });
    expect(await eventTypes(shop, order.id)).toEqual(["ORDER_CREATED", "ORDER_CANCELLED"]);
    const told = shop.sent.find(({ event }) => event.subject === order.id && event.type === "ORDER_CANCELLED");
    expect(told?.event.correlationid).toBe(call.correlationId);
  });

  it("has the same reason when the event of its void arrives before the sweep is done", async () => {
    const shop = openShop();
    const order = await ordered(shop);
    shop.advance(shop.deps.paymentWindowMs);
    await shop.receive(paymentEvent(order.id, "VOIDED", 1));
    expect((await reread(shop, order.id)).history.at(-1)).toMatchObject({ reason: "payment_timeout" });
  });

  it.each([
    ["was paid after all", closing(() => "paid")],
    ["cannot be asked about", closing(() => "unknown")],
    [
      "cannot be asked about by anybody",
      {
        closeUnpaid: () => {
          throw new Error("outage");
        },
      },
    ],
  ] as const)("lives when it %s", async (_name, payments) => {
    const shop = openShop({ listPayments: async () => ok({ items: [] }), ...payments });
    const order = await ordered(shop);
    shop.advance(shop.deps.paymentWindowMs);
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(await reread(shop, order.id)).toMatchObject({ status: "PENDING" });
  });

  it("that cannot be cancelled does not delay the others", async () => {
    const made = openShop();
    const [broken, fine] = [await ordered(made), await ordered(made)];
    const shop = openShop(closing(({ orderId }) => (orderId === broken.id ? "unknown" : "closed")));
    shop.advance(shop.deps.paymentWindowMs + 60_000);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect((await reread(shop, fine.id)).status).toBe("CANCELLED");
    expect((await reread(shop, broken.id)).status).toBe("PENDING");
  });
});

describe("the order of an unproven buyer", () => {
  const windowOf = ({ createdAt, paymentDueAt }: Order): number => Date.parse(paymentDueAt) - Date.parse(createdAt);
  const unproven = (): Call => {
    const call = callAs("customer");
    return { ...call, actor: { ...call.actor, emailVerified: false } as Call["actor"] };
  };

  async function guestOrder(shop: Shop): Promise<CreatedOrder> {
    const items = [{ productId: shop.product(), quantity: 1 }];
    return must(await createOrder(shop.deps, guestCall(), request({ items, email: "guest@example.com" }))).order;
  }

  it("waits five minutes for a payment method to be tried; a proven account's waits the whole window", async () => {
    const shop = openShop(closing(() => "closed"));
    const [guests, unprovens, provens] = [
      await guestOrder(shop),
      await ordered(shop, unproven()),
      await ordered(shop, callAs("customer")),
    ];
    expect([guests, unprovens, provens].map(windowOf)).toEqual([300_000, 300_000, 1_800_000]);
    shop.advance(299_999);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect((await reread(shop, guests.id)).status).toBe("PENDING");
    shop.advance(1);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    const statuses = await Promise.all(
      [guests, unprovens, provens].map(async ({ id }) => (await reread(shop, id)).status),
    );
    expect(statuses).toEqual(["CANCELLED", "CANCELLED", "PENDING"]);
  });

  it("never waits longer than the payment window, however long the untried window is", () => {
    const settings = { ...ordersEnv, PAYMENT_WINDOW_SECONDS: "60" };
    expect(createDeps(settings, { waitUntil: () => undefined }).untriedWindowMs).toBe(60_000);
  });

  it.each(["REQUIRES_ACTION", "FAILED"])(
    "has its whole window from when it was made once a try is %s",
    async (status) => {
      const shop = openShop();
      const order = await guestOrder(shop);
      shop.advance(200_000);
      await shop.receive(paymentEvent(order.id, status, 1));
      expect(windowOf(await reread(shop, order.id))).toBe(1_800_000);
      shop.advance(200_000);
      await shop.receive(paymentEvent(order.id, "FAILED", 2));
      expect(windowOf(await reread(shop, order.id))).toBe(1_800_000);
    },
  );

  it("is cancelled when its window is over, whatever is tried after that", async () => {
    const asked: boolean[] = [];
    let own = "";
    const shop = openShop(
      closing(({ orderId, unlessTried }) => {
        if (orderId === own) asked.push(unlessTried);
        return unlessTried ? "tried" : "closed";
      }),
    );
    const order = await guestOrder(shop);
    own = order.id;
    const tried = (version: number): EventEnvelope => ({
      ...paymentEvent(order.id, "FAILED", version),
      time: new Date(shop.deps.now()).toISOString(),
    });
    shop.advance(300_000 + 60_000);
    await shop.receive(tried(1));
    expect(windowOf(await reread(shop, order.id))).toBe(300_000);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect([(await reread(shop, order.id)).status, asked]).toEqual(["CANCELLED", [false]]);
  });

  it("gets the whole window by a try in time that is reported late", async () => {
    const shop = openShop();
    const order = await guestOrder(shop);
    shop.advance(299_000);
    const event = { ...paymentEvent(order.id, "FAILED", 1), time: new Date(shop.deps.now()).toISOString() };
    shop.advance(600_000);
    await shop.receive(event);
    expect(windowOf(await reread(shop, order.id))).toBe(1_800_000);
  });

  it("is not closed while a payment method is being tried without an event yet", async () => {
    const asked: boolean[] = [];
    let own = "";
    const shop = openShop(
      closing(({ orderId, unlessTried }) => {
        if (orderId === own) asked.push(unlessTried);
        return unlessTried ? "tried" : "closed";
      }),
    );
    const order = await guestOrder(shop);
    own = order.id;
    shop.advance(300_000);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    const spared = await reread(shop, order.id);
    expect([spared.status, windowOf(spared)]).toEqual(["PENDING", 1_800_000]);
    shop.advance(1_500_000);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect((await reread(shop, order.id)).status).toBe("CANCELLED");
    expect(asked).toEqual([true, false]);
  });
});

describe("an unsettled order", () => {
  const republished = (shop: Shop, orderId: string): readonly string[] =>
    shop.sent
      .filter(({ event }) => event.subject === orderId && event.causationid !== undefined)
      .map(({ consumer, event }) => `${event.type} ${consumer}`)
      .toSorted();
  const confirmAll = async (): Promise<void> => {
    await ordersEnv.DB.exec("UPDATE outbox SET confirmed_at = 1 WHERE confirmed_at IS NULL");
  };

  it("has its last event republished with growing pauses when its stock does not follow, and not to people", async () => {
    const shop = openShop();
    const order = await ordered(shop);
    shop.advance(2 * UNSETTLED_AFTER_MS);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect(republished(shop, order.id)).toEqual([]);
    shop.advance(-2 * UNSETTLED_AFTER_MS);
    await confirmAll();
    const pauses: number[] = [];
    for (let minute = 1, last = 0; minute <= 40; minute += 1) {
      // Keeps the payment window out of this test.
      await shop.deps.db.client
        .prepare("UPDATE orders SET payment_due_at = ?")
        .bind(shop.deps.now() * 2)
        .run();
      shop.advance(60_000);
      await runSweeps(shop.deps, plan, { call: cron, everything: false });
      const count = republished(shop, order.id).length;
      if (count > last) pauses.push(minute);
      last = count;
    }
    expect(pauses).toEqual([5, 10, 20, 40]);
    expect(new Set(republished(shop, order.id))).toEqual(new Set(["ORDER_CREATED inventory"]));
    const { results } = await ordersEnv.DB.prepare(
      "SELECT 1 FROM unconfirmed_events WHERE envelope ->> '$.subject' = ?",
    )
      .bind(order.id)
      .all();
    expect(results).toEqual([]);
  });

  it("is republished at once for everything, and no more when stock and money have followed", async () => {
    const shop = openShop();
    const order = await ordered(shop);
    await shop.receive(stockEvent("STOCK_RESERVED", order.id));
    await confirmAll();
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(republished(shop, order.id)).toEqual([]);
    must(await cancelOrder(shop.deps, callAs("admin"), { orderId: order.id }));
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(republished(shop, order.id)).toEqual([]);
    await confirmAll();
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(republished(shop, order.id)).toEqual(["ORDER_CANCELLED inventory", "ORDER_CANCELLED payments"]);
    await shop.receive(stockEvent("STOCK_RELEASED", order.id));
    shop.advance(UNSETTLED_AFTER_MS);
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(republished(shop, order.id)).toHaveLength(2);
    await shop.receive(paymentEvent(order.id, "AUTHORIZED", 1));
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(republished(shop, order.id)).toHaveLength(4);
  });
});

it.each(Object.keys(plan.sweeps))("a failing %s sweep is counted, and stops no other", async (name) => {
  const poisoned: typeof plan = {
    sweeps: { ...plan.sweeps, [name]: () => Promise.reject(new Error("poisoned")) },
  };
  const { failedSweeps, ...counts } = await runSweeps(openShop().deps, poisoned, { call: cron, everything: false });
  expect(failedSweeps).toBe(1);
  const others = Object.keys(plan.sweeps).filter((other) => other !== name);
  expect(Object.keys(counts)).toEqual(expect.arrayContaining(others));
  expect(counts).not.toHaveProperty(name);
});

describe("the Worker", () => {
  it("parses its inputs, and serves carts, orders and sweeps", async () => {
    const ctx = createExecutionContext();
    const rpc = new OrdersRpc(ctx, ordersEnv);
    const call = callAs("customer");
    expect(must(await rpc.getCart(call, {})).items).toEqual([]);
    const refused = await rpc.addItem(call, { productId: "nothing", quantity: 0 });
    expect(refusal(refused)).toMatchObject({ code: "validation_failed" });
    expect(refusal(await rpc.getOrder(call, { orderId: "ord_none" })).code).toBe("not_found");
    expect(must(await rpc.runSweeps(cron, { everything: false }))).toHaveProperty("unpaidOrders");
    await waitOnExecutionContext(ctx);
  });

  it("serves no public requests, and runs its cron", async () => {
    expect((await SELF.fetch("https://orders.example/")).status).toBe(404);
    const ctx = createExecutionContext();
    await worker.scheduled({ cron: "* * * * *", scheduledTime: Date.now(), noRetry: () => undefined }, ordersEnv, ctx);
    await waitOnExecutionContext(ctx);
  });

  it("does not start on an invalid duration", () => {
    expect(() => secondsSetting("CART_TTL_SECONDS", "soon")).toThrow("CART_TTL_SECONDS");
    expect(secondsSetting("CART_TTL_SECONDS", "2")).toBe(2_000);
  });
});
