// Reservations by the API: idempotent by their id, all or nothing, separate from orders, and expiring.
import { expect, test, vi } from "vitest";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { hold } from "../src/service/holds.ts";
import { release, reserve } from "../src/service/manual.ts";
import { env, flush, levelOf, projectionOf, stocked, sweep, warehouse } from "./warehouse.ts";

const call = callAs("admin");
const TTL = { ttlSeconds: 900 };

test("the same id and items give the same answer, other items a conflict; the stock is held once", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const request = { orderId: newId("req"), items: [{ productId: id, quantity: 2 }], ...TTL };
  const first = await reserve(deps, call, request);
  expect(first).toMatchObject({ ok: true, value: { orderId: request.orderId, items: request.items } });
  expect(await reserve(deps, call, { ...request, ttlSeconds: 60 })).toEqual(first);
  const split = [1, 1].map((quantity) => ({ productId: id, quantity }));
  expect(await reserve(deps, call, { ...request, items: split })).toEqual(first);
  expect(await reserve(deps, call, { ...request, items: [{ productId: id, quantity: 3 }] })).toMatchObject({
    error: { code: "reservation_conflict" },
  });
  expect(await levelOf(deps, id)).toMatchObject({ reserved: 2 });
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ reserved: 2, available: 3 });
});

test("20 concurrent copies of a request make one reservation", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const request = { orderId: newId("req"), items: [{ productId: id, quantity: 2 }], ...TTL };
  const answers = await Promise.all(Array.from({ length: 20 }, () => reserve(deps, call, request)));
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]).toMatchObject({ ok: true });
  expect(await levelOf(deps, id)).toMatchObject({ reserved: 2 });
});

test("a shortage holds nothing, names every short line, and a later try may succeed", async () => {
  const { deps } = warehouse();
  const [a, b] = [await stocked(5), await stocked(1)];
  const orderId = newId("req");
  const itemsOf = (quantity: number) => [a, b].map((productId) => ({ productId, quantity }));
  expect(await reserve(deps, call, { orderId, items: itemsOf(2), ...TTL })).toMatchObject({
    error: { code: "insufficient_stock", shortages: [{ productId: b, requested: 2, available: 1 }] },
  });
  expect(await levelOf(deps, a)).toMatchObject({ reserved: 0 });
  expect(await reserve(deps, call, { orderId, items: itemsOf(1), ...TTL })).toMatchObject({ ok: true });
});

test("a release returns the units once; the id may then be used again", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const items = [{ productId: id, quantity: 2 }];
  const request = { orderId: newId("req"), items, ...TTL };
  await reserve(deps, call, request);
  expect(await release(deps, call, request)).toEqual({ ok: true, value: { released: items } });
  expect(await release(deps, call, request)).toEqual({ ok: true, value: { released: [] } });
  expect(await levelOf(deps, id)).toMatchObject({ available: 5 });
  expect(await reserve(deps, call, request)).toMatchObject({ ok: true });
  expect(await levelOf(deps, id)).toMatchObject({ available: 3 });
  expect(await release(deps, call, request)).toEqual({ ok: true, value: { released: items } });
});

test("it neither finds nor releases an order's hold with the same id", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const owner = newId("req");
  await hold(deps, call, { owner, lines: [{ productId: id, quantity: 2 }] });
  await reserve(deps, call, { orderId: owner, items: [{ productId: id, quantity: 1 }], ...TTL });
  await release(deps, call, { orderId: owner });
  expect(await levelOf(deps, id)).toMatchObject({ reserved: 2 });
});

test("it expires in the object at once, and in D1 by the alarm", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const request = { orderId: newId("req"), items: [{ productId: id, quantity: 2 }], ttlSeconds: 1 };
  await reserve(deps, call, request);
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ available: 3 });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1_001 });
  try {
    expect(await levelOf(deps, id)).toMatchObject({ available: 5 });
    await flush(id);
    expect(await projectionOf(id)).toMatchObject({ available: 5 });
    expect(await sweep(deps, { everything: false })).toMatchObject({ expiredReservations: 1 });
    expect(await release(deps, call, request)).toEqual({ ok: true, value: { released: [] } });
    expect(await reserve(deps, call, request)).toMatchObject({ ok: true });
  } finally {
    vi.useRealTimers();
  }
  expect(await levelOf(deps, id)).toMatchObject({ available: 3 });
});

test("the sweep releases a reservation that a crash left pending", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const request = { orderId: newId("req"), items: [{ productId: id, quantity: 2 }], ...TTL };
  await reserve(deps, call, request);
  await env.DB.prepare("UPDATE manual_reservations SET state = 'pending' WHERE owner = ?")
    .bind(`manual:${request.orderId}`)
    .run();
  expect(await sweep(deps, { everything: false })).toMatchObject({ abandonedReservations: 0 });
  expect(await sweep(deps, { everything: true })).toMatchObject({ abandonedReservations: 1 });
  expect(await levelOf(deps, id)).toMatchObject({ available: 5 });
  expect(await reserve(deps, call, request)).toMatchObject({ ok: true });
});

test("a release during the reservation wins, and nothing stays held", async () => {
  const { deps } = warehouse();
  for (let round = 0; round < 10; round += 1) {
    const id = await stocked(5);
    const request = { orderId: newId("req"), items: [{ productId: id, quantity: 2 }], ...TTL };
    const [made] = await Promise.all([reserve(deps, call, request), release(deps, call, request)]);
    await release(deps, call, request);
    expect(made.ok || made.error.code === "reservation_conflict").toBe(true);
    expect(await levelOf(deps, id)).toMatchObject({ available: 5 });
  }
});
