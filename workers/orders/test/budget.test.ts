// What one order costs this Worker, counted from the cost lines of the log: see Budget in README.md.
import { runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { withInvocation } from "#shared/logger";
import type { PaymentsContract } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import { callAs } from "#shared/testkit/kit";
import { addItem, getCart } from "../src/service/cart.ts";
import { createOrder } from "../src/service/place-order.ts";
import { payOrder } from "../src/service/pay.ts";
import counts from "../../../shared/budget.json" with { type: "json" };
import { must, openShop, ordersEnv, paymentEvent, request, stockEvent } from "./shop.ts";

interface Spent {
  readonly d1RoundTrips: number;
  readonly objectCalls: number;
  readonly rowsWritten: number;
}

/** Runs `work` and adds up its cost lines, without the Cart object's own. */
async function spentBy(work: () => Promise<unknown>): Promise<Spent> {
  const lines: string[] = [];
  const spy = vi.spyOn(console, "log").mockImplementation((line: string) => {
    lines.push(line);
  });
  try {
    await withInvocation({ worker: "orders", operation: "test", correlationId: "test", level: "debug" }, work);
  } finally {
    spy.mockRestore();
  }
  const costs = lines.map((line) => JSON.parse(line) as Partial<Spent>);
  const sum = (name: keyof Spent): number => costs.reduce((total, cost) => total + (cost[name] ?? 0), 0);
  return { d1RoundTrips: sum("d1RoundTrips"), objectCalls: sum("objectCalls"), rowsWritten: sum("rowsWritten") };
}

it("is one cart call per step, one batch to order, one to pay, and one batch per event", async () => {
  const createIntent: PaymentsContract["createIntent"] = async () => fail("payment_provider_unavailable", "stubbed");
  const shop = openShop({ createIntent }).with({ logLevel: "debug", orderCaps: true });
  const call = callAs("customer");
  const productId = shop.product();
  const added = await spentBy(async () => must(await addItem(shop.deps, call, { productId, quantity: 1 })));
  expect(added).toMatchObject({ d1RoundTrips: 0, objectCalls: 1 });
  let orderId = "";
  const ordered = await spentBy(async () => {
    orderId = must(await createOrder(shop.deps, call, request({ idempotencyKey: "k" }))).order.id;
  });
  expect(ordered).toMatchObject({ d1RoundTrips: 1, objectCalls: 1 });
  const shown = await spentBy(async () => must(await getCart(shop.deps, call, {})));
  expect(shown).toMatchObject({ d1RoundTrips: 0, objectCalls: 1 });
  const paid = await spentBy(async () => await payOrder(shop.deps, call, { orderId }));
  expect(paid).toMatchObject({ d1RoundTrips: 1, objectCalls: 0 });
  const reserved = await spentBy(async () => await shop.receive(stockEvent("STOCK_RESERVED", orderId)));
  const confirmed = await spentBy(async () => await shop.receive(paymentEvent(orderId, "AUTHORIZED", 1)));
  expect([reserved.d1RoundTrips, confirmed.d1RoundTrips]).toEqual([1, 1]);
  const rows = [ordered, paid, reserved, confirmed].map(({ rowsWritten }) => rowsWritten);
  // Index rows count; the shared migration decides how many an outbox row has.
  expect(rows.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(27);
});

it("writes its state once to add a line and once to check out, and sets no alarm", async () => {
  const shop = openShop();
  const call = callAs("customer");
  const productId = shop.product();
  let rows = 0;
  await runInDurableObject(ordersEnv.CART.getByName(call.actor.id), (_instance, state) => {
    const { kv } = state.storage;
    const put = kv.put.bind(kv);
    vi.spyOn(kv, "put").mockImplementation((key, value) => {
      rows += 1;
      put(key, value);
    });
    const setAlarm = state.storage.setAlarm.bind(state.storage);
    vi.spyOn(state.storage, "setAlarm").mockImplementation(async (time) => {
      rows += 1;
      await setAlarm(time);
    });
  });
  must(await addItem(shop.deps, call, { productId, quantity: 1 }));
  must(await createOrder(shop.deps, call, request({ idempotencyKey: "k" })));
  expect(rows).toBe(counts.orderInObjects.cartRowsWritten);
});
