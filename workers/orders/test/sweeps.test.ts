// What time brings about, and the Worker's own wiring.
import { SELF, createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import type { PaymentsContract } from "#shared/contracts/payments";
import { commit } from "#shared/database";
import { fail } from "#shared/errors";
import { ok } from "#shared/result";
import { callAs } from "#shared/testkit/kit";
import { UNSETTLED_AFTER_MS } from "../src/constants.ts";
import { OrdersRpc } from "../src/entrypoint.ts";
import worker from "../src/index.ts";
import { sweep } from "../src/scheduled.ts";
import { cancelOrder } from "../src/service/commands.ts";
import { secondsSetting } from "../src/service/deps.ts";
import { eventTypes, must, openShop, ordered, ordersEnv, paymentEvent, refusal, reread, stockEvent } from "./shop.ts";
import type { Shop } from "./shop.ts";

const cron = systemCall("cron", "cron");

function shopWhosePaymentsSay(answer: ReturnType<PaymentsContract["close"]>): Shop {
  return openShop({ close: () => answer });
}

describe("an unpaid order", () => {
  it("ends when its window is over and payments has closed it, once", async () => {
    const shop = shopWhosePaymentsSay(Promise.resolve(ok("closed" as const)));
    const call = callAs("customer");
    const order = await ordered(shop, call);
    await sweep(shop.deps, cron, true);
    expect(await reread(shop, order.id)).toMatchObject({ status: "PENDING" });
    shop.advance(shop.deps.paymentWindowMs);
    await Promise.all([1, 2, 3].map(() => sweep(shop.deps, cron, false)));
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

  it("says the same reason when its void comes back before the sweep is done", async () => {
    const shop = openShop();
    const order = await ordered(shop);
    shop.advance(shop.deps.paymentWindowMs);
    await shop.receive(paymentEvent(order.id, "VOIDED", 1));
    expect((await reread(shop, order.id)).history.at(-1)).toMatchObject({ reason: "payment_timeout" });
  });

  it.each([
    ["was paid after all", ok("paid" as const)],
    ["cannot be asked about", fail("payment_provider_unavailable", "Stripe does not answer.")],
  ])("lives when it %s", async (_name, answer) => {
    const shop = shopWhosePaymentsSay(Promise.resolve(answer));
    const order = await ordered(shop);
    shop.advance(shop.deps.paymentWindowMs);
    await sweep(shop.deps, cron, true);
    expect(await reread(shop, order.id)).toMatchObject({ status: "PENDING" });
  });

  it("does not keep the others when payments throws for it", async () => {
    const [broken, fine] = await (async () => {
      const shop = openShop();
      return [await ordered(shop), await ordered(shop)];
    })();
    const shop = openShop({
      close: async (_call, { orderId }) => {
        if (orderId === broken?.id) throw new Error("outage");
        return ok("closed");
      },
    });
    shop.advance(shop.deps.paymentWindowMs + 60_000);
    await sweep(shop.deps, cron, false);
    expect((await reread(shop, fine?.id ?? "")).status).toBe("CANCELLED");
    expect((await reread(shop, broken?.id ?? "")).status).toBe("PENDING");
  });
});

describe("the net under it all", () => {
  const anew = (shop: Shop, orderId: string): readonly string[] =>
    shop.sent
      .filter(({ event }) => event.subject === orderId && event.causationid !== undefined)
      .map(({ consumer, event }) => `${event.type} ${consumer}`)
      .toSorted();
  const confirmAll = async (): Promise<void> => {
    await ordersEnv.DB.exec("UPDATE outbox SET confirmed_at = 1 WHERE confirmed_at IS NULL");
  };

  it("publishes an order's last event anew when its stock does not follow, with growing pauses, and not to people", async () => {
    const shop = openShop();
    const order = await ordered(shop);
    shop.advance(2 * UNSETTLED_AFTER_MS);
    await sweep(shop.deps, cron, false);
    expect(anew(shop, order.id)).toEqual([]);
    shop.advance(-2 * UNSETTLED_AFTER_MS);
    await confirmAll();
    const pauses: number[] = [];
    for (let minute = 1, last = 0; minute <= 40; minute += 1) {
      // The payment window is not what this test is about.
      await commit(shop.deps.db, [sql`UPDATE orders SET payment_due_at = ${shop.deps.now() * 2}`]);
      shop.advance(60_000);
      await sweep(shop.deps, cron, false);
      const count = anew(shop, order.id).length;
      if (count > last) pauses.push(minute);
      last = count;
    }
    expect(pauses).toEqual([5, 10, 20, 40]);
    expect(new Set(anew(shop, order.id))).toEqual(new Set(["ORDER_CREATED inventory"]));
    const { results } = await ordersEnv.DB.prepare("SELECT 1 FROM outbox WHERE subject = ? AND confirmed_at IS NULL")
      .bind(order.id)
      .all();
    expect(results).toEqual([]);
  });

  it("does so at once for everything, and stops when stock and money have followed", async () => {
    const shop = openShop();
    const order = await ordered(shop);
    await shop.receive(stockEvent("STOCK_RESERVED", order.id));
    await confirmAll();
    await sweep(shop.deps, cron, true);
    expect(anew(shop, order.id)).toEqual([]);
    must(await cancelOrder(shop.deps, callAs("admin"), { orderId: order.id }));
    await sweep(shop.deps, cron, true);
    expect(anew(shop, order.id)).toEqual([]);
    await confirmAll();
    await sweep(shop.deps, cron, true);
    expect(anew(shop, order.id)).toEqual(["ORDER_CANCELLED inventory", "ORDER_CANCELLED payments"]);
    await shop.receive(stockEvent("STOCK_RELEASED", order.id));
    shop.advance(UNSETTLED_AFTER_MS);
    await sweep(shop.deps, cron, true);
    expect(anew(shop, order.id)).toHaveLength(2);
    await shop.receive(paymentEvent(order.id, "AUTHORIZED", 1));
    await sweep(shop.deps, cron, true);
    expect(anew(shop, order.id)).toHaveLength(4);
  });
});

describe("the Worker", () => {
  it("parses what it is asked, and answers about its own", async () => {
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

  it("serves nothing to the world, and runs its cron", async () => {
    expect((await SELF.fetch("https://orders.example/")).status).toBe(404);
    const ctx = createExecutionContext();
    await worker.scheduled({ cron: "* * * * *", scheduledTime: Date.now(), noRetry: () => undefined }, ordersEnv, ctx);
    await waitOnExecutionContext(ctx);
  });

  it("does not start on a setting that is no time", () => {
    expect(() => secondsSetting("CART_TTL_SECONDS", "soon")).toThrow("CART_TTL_SECONDS");
    expect(secondsSetting("CART_TTL_SECONDS", "2")).toBe(2_000);
  });
});
