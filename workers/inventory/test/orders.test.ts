// Order events in any order and number, and with crashes between the objects and D1.
import { expect, test } from "vitest";
import fc from "fast-check";
import { newId } from "#shared/ids";
import { callAs, stubOf } from "#shared/testkit/kit";
import { RETENTION_MS } from "../src/constants.ts";
import type { StockCalls } from "../src/service/deps.ts";
import { hold } from "../src/service/holds.ts";
import {
  TRACE,
  env,
  eventsAbout,
  flush,
  forget,
  ledgerOf,
  levelOf,
  order,
  projectionOf,
  receive,
  returned,
  statesOf,
  stocked,
  warehouse,
} from "./warehouse.ts";
import type { TestOrder, Warehouse } from "./warehouse.ts";

const call = callAs("customer");

async function placed({ deps }: Warehouse, stock: readonly number[], quantity = 2): Promise<TestOrder> {
  const lines = await Promise.all(stock.map(async (onHand) => ({ productId: await stocked(onHand), quantity })));
  const placedOrder = order(lines);
  await hold(deps, call, { owner: placedOrder.owner, lines });
  return placedOrder;
}

const idsOf = ({ lines }: TestOrder): string[] => lines.map(({ productId }) => productId);

test("ORDER_CREATED turns the holds into reservations and publishes STOCK_RESERVED", async () => {
  const shop = warehouse();
  const placedOrder = await placed(shop, [5, 5]);
  const created = placedOrder.event("ORDER_CREATED");
  const before = shop.calls();
  expect(await receive(shop.deps, [created])).toEqual({ acknowledged: [created.id], retried: [] });
  expect(shop.calls() - before).toBe(2);
  expect(await statesOf(placedOrder.owner, idsOf(placedOrder))).toEqual(["reserved", "reserved"]);
  const [published] = await eventsAbout(placedOrder.orderId);
  expect(published).toMatchObject({
    type: "STOCK_RESERVED",
    subject: placedOrder.orderId,
    causationid: created.id,
    correlationid: created.correlationid,
    data: { orderId: placedOrder.orderId, reservationOwner: placedOrder.owner },
  });
  expect(shop.sent.map(({ consumer, event }) => [consumer, event.type])).toEqual([["orders", "STOCK_RESERVED"]]);
});

test("a line without stock rejects the whole order and releases the other lines", async () => {
  const shop = warehouse();
  const [a, b] = [await stocked(5), await stocked(1)];
  const late = order([
    { productId: a, quantity: 2 },
    { productId: b, quantity: 2 },
  ]);
  await receive(shop.deps, [late.event("ORDER_CREATED")]);
  const [published] = await eventsAbout(late.orderId);
  expect(published).toMatchObject({
    type: "STOCK_REJECTED",
    data: { shortages: [{ productId: b, requested: 2, available: 1 }] },
  });
  expect([await levelOf(shop.deps, a), await levelOf(shop.deps, b)]).toMatchObject([{ reserved: 0 }, { reserved: 0 }]);
});

test("of two concurrent deliveries, one with stock and one without, the order ends rejected and released", async () => {
  const shop = warehouse();
  const [a, b] = [await stocked(5), await stocked(1)];
  const late = order([
    { productId: a, quantity: 2 },
    { productId: b, quantity: 2 },
  ]);
  const created = late.event("ORDER_CREATED");
  let between: Promise<unknown> | undefined;
  const restockAndReceive = async (): Promise<void> => {
    await shop.deps.stock(b).adjust({ delta: 5, reason: "restock", actor: "admin" }, TRACE);
    await receive(shop.deps, [created]);
  };
  const slow: Warehouse["deps"] = {
    ...shop.deps,
    stock: (productId) =>
      stubOf<StockCalls>({
        reserve: async (...args) => await shop.deps.stock(productId).reserve(...args),
        release: async (...args) => {
          await (between ??= restockAndReceive());
          return await shop.deps.stock(productId).release(...args);
        },
      }),
  };
  await receive(slow, [created]);
  const published = (await eventsAbout(late.orderId)).map(({ type }) => type);
  expect(published).toContain("STOCK_REJECTED");
  expect(await statesOf(late.owner, idsOf(late))).toEqual(["released", "released"]);
  await receive(slow, [created]);
  expect((await eventsAbout(late.orderId)).map(({ type }) => type)).toEqual(published);
});

test("ORDER_CANCELLED before ORDER_CREATED ends with nothing held", async () => {
  const shop = warehouse();
  const placedOrder = await placed(shop, [5, 5]);
  await receive(shop.deps, [placedOrder.event("ORDER_CANCELLED")]);
  await receive(shop.deps, [placedOrder.event("ORDER_CREATED")]);
  const published = await eventsAbout(placedOrder.orderId);
  expect(published.map(({ type }) => type)).toEqual(["STOCK_RELEASED", "STOCK_REJECTED"]);
  expect(await statesOf(placedOrder.owner, idsOf(placedOrder))).toEqual(["released", "released"]);
});

test("ORDER_CANCELLED of an unknown order leaves tombstones that refuse its later hold", async () => {
  const shop = warehouse();
  const unheard = order([{ productId: await stocked(5), quantity: 2 }]);
  await receive(shop.deps, [unheard.event("ORDER_CANCELLED")]);
  expect(await hold(shop.deps, call, { owner: unheard.owner, lines: [...unheard.lines] })).toMatchObject({
    error: { code: "reservation_conflict" },
  });
});

test("ORDER_SHIPPED lowers on-hand once, with a sale in the ledger", async () => {
  const shop = warehouse();
  const placedOrder = await placed(shop, [5]);
  const [id = ""] = idsOf(placedOrder);
  await receive(shop.deps, [placedOrder.event("ORDER_CREATED")]);
  const shipped = placedOrder.event("ORDER_SHIPPED");
  await receive(shop.deps, [shipped]);
  await receive(shop.deps, [shipped, placedOrder.event("ORDER_SHIPPED")]);
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 3, reserved: 0, available: 3 });
  expect(await ledgerOf(id)).toEqual([{ type: "sale", delta: -2, on_hand_after: 3, reference: placedOrder.orderId }]);
});

test("ORDER_SHIPPED of more than is on hand is retried until the stock is corrected", async () => {
  const shop = warehouse();
  const id = await stocked(1);
  const shipped = order([{ productId: id, quantity: 2 }]).event("ORDER_SHIPPED");
  expect(await receive(shop.deps, [shipped])).toMatchObject({ retried: [shipped.id] });
  await shop.deps.stock(id).adjust({ delta: 1, reason: "correction", actor: "usr_1" }, TRACE);
  expect(await receive(shop.deps, [shipped])).toMatchObject({ acknowledged: [shipped.id] });
  expect(await levelOf(shop.deps, id)).toMatchObject({ onHand: 0 });
});

test("after a crash between the objects and D1, the next delivery completes the event", async () => {
  const shop = warehouse();
  const placedOrder = await placed(shop, [5, 5]);
  const created = placedOrder.event("ORDER_CREATED");
  await env.DB.exec("ALTER TABLE outbox RENAME TO hidden_outbox");
  expect(await receive(shop.deps, [created])).toMatchObject({ retried: [created.id] });
  expect(await statesOf(placedOrder.owner, idsOf(placedOrder))).toEqual(["reserved", "reserved"]);
  await env.DB.exec("ALTER TABLE hidden_outbox RENAME TO outbox");
  expect(await receive(shop.deps, [created])).toMatchObject({ acknowledged: [created.id] });
  expect(await eventsAbout(placedOrder.orderId)).toHaveLength(1);
});

test("ten orders' events in one queue batch are one commit", async () => {
  const shop = warehouse();
  const orders = await Promise.all(Array.from({ length: 10 }, () => placed(shop, [5])));
  const created = orders.map((one) => one.event("ORDER_CREATED"));
  expect(await receive(shop.deps, created)).toMatchObject({ acknowledged: created.map(({ id }) => id) });
  expect(shop.sent.filter(({ event }) => event.type === "STOCK_RESERVED")).toHaveLength(10);
});

test("PRODUCT_UPSERTED keeps the newest details and opens a level of 0", async () => {
  const shop = warehouse();
  const id = newId("prd");
  const upserted = (version: number) => ({
    ...order([{ productId: id, quantity: 1 }]).event("ORDER_CREATED"),
    id: newId("evt"),
    type: "PRODUCT_UPSERTED" as const,
    subject: id,
    data: {
      productId: id,
      version,
      sku: `S${String(version)}`,
      name: "N",
      vendorId: null,
      status: "active" as const,
      price: 1,
      currency: "USD" as const,
      weightGrams: 1,
      minOrderQuantity: 1,
    },
  });
  await receive(shop.deps, [upserted(2), upserted(1)]);
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ sku: "S2", on_hand: 0, available: 0 });
});

const REMAINING = { reserved: 5, released: 5, consumed: 3 } as const;

test("any interleaving of an order's events, with copies, ends in the same state", async () => {
  const shop = warehouse();
  const types = fc.constantFrom("ORDER_CREATED", "ORDER_CANCELLED", "ORDER_SHIPPED");
  const story = fc.record({
    held: fc.boolean(),
    deliveries: fc.array(fc.record({ type: types, copies: fc.integer({ min: 1, max: 3 }), together: fc.boolean() }), {
      minLength: 1,
      maxLength: 5,
    }),
  });
  const property = fc.asyncProperty(story, async ({ held, deliveries }) => {
    const placedOrder = await placed(shop, [5, 5]);
    const loose = held ? placedOrder : order(placedOrder.lines);
    if (!held) await Promise.all(idsOf(placedOrder).map((id) => shop.deps.stock(id).release(placedOrder.owner, TRACE)));
    const events = {
      ORDER_CREATED: loose.event("ORDER_CREATED"),
      ORDER_CANCELLED: loose.event("ORDER_CANCELLED"),
      ORDER_SHIPPED: loose.event("ORDER_SHIPPED"),
    };
    for (const { type, copies, together } of deliveries) {
      const batch = Array.from({ length: copies }, () => events[type]);
      if (together) await receive(shop.deps, batch);
      else await Promise.all(batch.map((event) => receive(shop.deps, [event])));
    }
    const seen = new Set(deliveries.map(({ type }) => type));
    const end = seen.has("ORDER_SHIPPED") ? "consumed" : seen.has("ORDER_CANCELLED") ? "released" : "reserved";
    expect(await statesOf(loose.owner, idsOf(loose))).toEqual([end, end]);
    for (const id of idsOf(loose)) {
      const level = await levelOf(shop.deps, id);
      expect(level).toMatchObject({ onHand: REMAINING[end], reserved: end === "reserved" ? 2 : 0 });
      await flush(id);
      expect(await projectionOf(id)).toMatchObject({ on_hand: level.onHand, reserved: level.reserved });
      const sold = (await ledgerOf(id)).reduce((sum, { delta }) => sum + delta, 0);
      expect(5 + sold).toBe(level.onHand);
    }
    const published = await eventsAbout(loose.orderId);
    expect(published.filter(({ type }) => type === "STOCK_RESERVED" || type === "STOCK_REJECTED")).toHaveLength(
      seen.has("ORDER_CREATED") ? 1 : 0,
    );
    expect(published.filter(({ type }) => type === "STOCK_RELEASED")).toHaveLength(seen.has("ORDER_CANCELLED") ? 1 : 0);
  });
  await fc.assert(property, { numRuns: 30 });
});

test("an event older than the memory of reservations becomes a dead letter and changes nothing", async () => {
  const { deps } = warehouse();
  const id = await stocked(10);
  const one = order([{ productId: id, quantity: 4 }]);
  await receive(deps, [one.event("ORDER_CREATED"), one.event("ORDER_SHIPPED")]);
  const back = returned(one, [{ productId: id, quantity: 1 }], { shipped: true });
  await receive(deps, [back]);
  await forget(id);
  const time = new Date(Date.now() - RETENTION_MS).toISOString();
  const old = [one.event("ORDER_CREATED"), one.event("ORDER_SHIPPED"), { ...back, id: newId("evt") }].map((event) => ({
    ...event,
    time,
  }));
  expect((await receive(deps, old)).retried).toEqual([]);
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 7, reserved: 0 });
  const { results } = await env.DB.prepare("SELECT type FROM dead_letters WHERE subject = ? ORDER BY type")
    .bind(one.orderId)
    .all();
  expect(results.map(({ type }) => type)).toEqual(["ORDER_CREATED", "ORDER_RETURNED", "ORDER_SHIPPED"]);
  // A release is safe at any time.
  const cancelled = { ...one.event("ORDER_CANCELLED"), time };
  expect((await receive(deps, [cancelled])).acknowledged).toEqual([cancelled.id]);
});
