// ORDER_RETURNED of goods that come back after the shipment, or never leave, in any order and number.
import fc from "fast-check";
import { expect, test } from "vitest";
import { newId } from "#shared/ids";
import {
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

test("goods that had left raise on-hand once, as a return in the ledger", async () => {
  const { deps } = warehouse();
  const id = await stocked(10);
  const one = order([{ productId: id, quantity: 5 }]);
  await receive(deps, [one.event("ORDER_CREATED")]);
  await receive(deps, [one.event("ORDER_SHIPPED")]);
  const back = returned(one, [{ productId: id, quantity: 2 }]);
  expect(await receive(deps, [back])).toMatchObject({ acknowledged: [back.id] });
  await receive(deps, [back, { ...back, id: newId("evt") }]);
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 7, available: 7 });
  await flush(id);
  expect((await ledgerOf(id)).at(-1)).toEqual({
    type: "return",
    delta: 2,
    on_hand_after: 7,
    reference: one.orderId,
  });
  const actor = env.DB.prepare("SELECT actor FROM ledger WHERE product_id = ? AND type = 'return'").bind(id);
  expect(await actor.first("actor")).toBe("system");
});

test("goods that had not left shrink the reservation, and the shipment takes less", async () => {
  const { deps } = warehouse();
  const id = await stocked(10);
  const one = order([{ productId: id, quantity: 5 }]);
  await receive(deps, [one.event("ORDER_CREATED")]);
  await receive(deps, [returned(one, [{ productId: id, quantity: 2 }])]);
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 10, reserved: 3, available: 7 });
  await receive(deps, [one.event("ORDER_CREATED")]);
  await receive(deps, [one.event("ORDER_SHIPPED")]);
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 7, reserved: 0 });
  expect(await ledgerOf(id)).toMatchObject([{ type: "sale", delta: -3 }]);
});

test("goods of an order whose sale was purged raise on-hand once if they were shipped, else not", async () => {
  const { deps } = warehouse();
  const id = await stocked(10);
  const one = order([{ productId: id, quantity: 5 }]);
  await receive(deps, [one.event("ORDER_CREATED"), one.event("ORDER_SHIPPED")]);
  await forget(id);
  expect(await statesOf(one.owner, [id])).toEqual([undefined]);
  const back = returned(one, [{ productId: id, quantity: 2 }], { shipped: true });
  await receive(deps, [back]);
  await receive(deps, [{ ...back, id: newId("evt") }]);
  await receive(deps, [returned(order([]), [{ productId: id, quantity: 1 }])]);
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 7, available: 7 });
  await flush(id);
  expect((await ledgerOf(id)).at(-1)).toMatchObject({ type: "return", delta: 2, reference: one.orderId });
});

test("an order whose goods all come back before the shipment ships nothing", async () => {
  const { deps } = warehouse();
  const id = await stocked(10);
  const one = order([{ productId: id, quantity: 5 }]);
  await receive(deps, [one.event("ORDER_CREATED")]);
  await receive(deps, [returned(one, [{ productId: id, quantity: 5 }])]);
  const shipped = one.event("ORDER_SHIPPED");
  expect(await receive(deps, [shipped])).toMatchObject({ acknowledged: [shipped.id] });
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 10, available: 10 });
  expect(await ledgerOf(id)).toEqual([]);
});

test("a return of an unknown product is retried", async () => {
  const { deps } = warehouse();
  const one = order([{ productId: newId("prd"), quantity: 1 }]);
  const back = returned(one, one.lines);
  expect(await receive(deps, [back])).toMatchObject({ retried: [back.id] });
});

test("ORDER_SHIPPED publishes STOCK_CONSUMED, once, with its inbox row", async () => {
  const shop = warehouse();
  const one = order([{ productId: await stocked(10), quantity: 5 }]);
  const shipped = one.event("ORDER_SHIPPED");
  await receive(shop.deps, [shipped]);
  await receive(shop.deps, [shipped]);
  const published = await eventsAbout(one.orderId);
  expect(published).toMatchObject([
    {
      type: "STOCK_CONSUMED",
      subject: one.orderId,
      causationid: shipped.id,
      data: { orderId: one.orderId, reservationOwner: one.owner, lines: one.lines },
    },
  ]);
  expect(shop.sent.map(({ consumer }) => consumer)).toEqual(["orders"]);
});

test("an order's events and returns, in any sequence and with copies, end with the same stock", async () => {
  const { deps } = warehouse();
  const story = fc.record({
    returns: fc.array(fc.record({ quantity: fc.integer({ min: 1, max: 2 }), shipped: fc.boolean() }), {
      minLength: 1,
      maxLength: 3,
    }),
    order: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
    copies: fc.integer({ min: 1, max: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(story, async ({ returns, order: sequence, copies }) => {
      const id = await stocked(20);
      const one = order([{ productId: id, quantity: 6 }]);
      const events = [
        one.event("ORDER_CREATED"),
        one.event("ORDER_SHIPPED"),
        ...returns.map(({ quantity, shipped }) => returned(one, [{ productId: id, quantity }], { shipped })),
      ];
      for (const index of sequence) {
        const event = events[index];
        if (event === undefined) continue;
        await Promise.all(Array.from({ length: copies }, () => receive(deps, [event])));
      }
      const back = returns.reduce((sum, { quantity }) => sum + quantity, 0);
      expect(await levelOf(deps, id)).toMatchObject({ onHand: 20 - 6 + back, reserved: 0 });
      await flush(id);
      expect((await ledgerOf(id)).reduce((sum, { delta }) => sum + delta, 0)).toBe(back - 6);
    }),
    { numRuns: 30 },
  );
});
