// The Stock object alone: opening, holds, flushes to D1, crashes.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, test, vi } from "vitest";
import { auditRow } from "#shared/audit";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { LOST_AFTER_MS } from "../src/constants.ts";
import {
  TRACE,
  auditOf,
  catalogProduct,
  env,
  eventsAbout,
  flush,
  ledgerOf,
  levelOf,
  projectionOf,
  statesOf,
  stocked,
  stub,
  warehouse,
} from "./warehouse.ts";

const soon = (ms = 60_000): number => Date.now() + ms;
const holdOf = (quantity: number, owner: string = newId("req"), ms?: number) => ({
  owner,
  quantity,
  expiresAt: soon(ms),
  attempt: newId("req"),
  projected: false,
});
const lineOf = (owner: string, quantity: number) => ({ owner, orderId: newId("ord"), quantity });

test("200 concurrent holds of a product with 50 give exactly 50, in well under a second", async () => {
  const { deps } = warehouse();
  const id = await stocked(50);
  const startedAt = performance.now();
  const answers = await Promise.all(Array.from({ length: 200 }, () => deps.stock(id).hold(holdOf(1), TRACE)));
  expect(answers.filter((answer) => answer.ok)).toHaveLength(50);
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 50, reserved: 50, available: 0, status: "out_of_stock" });
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test("a product that D1 does not have is unknown, makes no tables, and may become known", async () => {
  const { deps } = warehouse();
  const id = newId("prd");
  expect(await deps.stock(id).level()).toMatchObject({ ok: false, error: { reason: "unknown_product" } });
  const tables = await runInDurableObject(stub(id), (_instance, state) =>
    state.storage.sql
      .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'")
      .toArray(),
  );
  expect(tables).toEqual([]);
  await deps.stock(id).describe({ productId: id, sku: "S", name: "N", vendorId: null, version: 1 }, TRACE);
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 0, available: 0, status: "out_of_stock" });
});

test("concurrent first calls share one opening", async () => {
  const { deps } = warehouse();
  const id = await stocked(3);
  const levels = await Promise.all(Array.from({ length: 20 }, () => levelOf(deps, id)));
  expect(new Set(levels.map(({ available }) => available))).toEqual(new Set([3]));
});

test("a failed opening is retried by the next call", async () => {
  const { deps } = warehouse();
  const id = await stocked(3);
  await env.DB.exec("ALTER TABLE stock_levels RENAME TO hidden_levels");
  await expect((async () => await deps.stock(id).level())()).rejects.toThrow("stock_levels");
  await env.DB.exec("ALTER TABLE hidden_levels RENAME TO stock_levels");
  expect(await levelOf(deps, id)).toMatchObject({ available: 3 });
});

test("a level opens with the reservations that D1 has of it", async () => {
  const { deps } = warehouse();
  const id = await stocked(10);
  await env.DB.batch([
    env.DB.prepare(
      "INSERT INTO reservations (product_id, owner, order_id, quantity, state, updated_at) VALUES (?, 'o1', 'ord_1', 4, 'reserved', 1)",
    ).bind(id),
    env.DB.prepare(
      "INSERT INTO reservations (product_id, owner, order_id, quantity, state, updated_at) VALUES (?, 'o2', 'ord_2', 5, 'consumed', 1)",
    ).bind(id),
    env.DB.prepare("UPDATE stock_levels SET reserved = 4, available = 6 WHERE product_id = ?").bind(id),
  ]);
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 10, reserved: 4, available: 6 });
  expect(await deps.stock(id).consume(lineOf("o2", 5), TRACE)).toMatchObject({ ok: true });
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 10 });
  expect(await deps.stock(id).release("o1", TRACE)).toBe(4);
});

test("a hold is idempotent by owner, refuses another quantity, and counts once", async () => {
  const { deps } = warehouse();
  const id = await stocked(10);
  const owner = newId("req");
  expect(await deps.stock(id).hold(holdOf(4, owner), TRACE)).toMatchObject({ ok: true, value: { newlyHeld: true } });
  expect(await deps.stock(id).hold(holdOf(4, owner), TRACE)).toMatchObject({ ok: true, value: { newlyHeld: false } });
  expect(await deps.stock(id).hold(holdOf(5, owner), TRACE)).toMatchObject({ error: { reason: "closed" } });
  expect(await levelOf(deps, id)).toMatchObject({ reserved: 4, available: 6 });
});

test("an expired hold takes no stock, and may be held or reserved again while there is stock", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const owner = newId("req");
  await deps.stock(id).hold(holdOf(5, owner, -1), TRACE);
  expect(await levelOf(deps, id)).toMatchObject({ available: 5 });
  expect(await deps.stock(id).hold(holdOf(2), TRACE)).toMatchObject({ ok: true });
  const refused = await deps.stock(id).reserve(lineOf(owner, 5), TRACE);
  expect(refused).toMatchObject({ error: { reason: "short", available: 3 } });
  expect(await deps.stock(id).reserve(lineOf(owner, 3), TRACE)).toMatchObject({ ok: true });
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 5, reserved: 5, available: 0 });
});

test("releasing twice raises the stock once, and shuts the owner out", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const owner = newId("req");
  await deps.stock(id).hold(holdOf(3, owner), TRACE);
  await deps.stock(id).reserve(lineOf(owner, 3), TRACE);
  expect(await deps.stock(id).release(owner, TRACE)).toBe(3);
  expect(await deps.stock(id).release(owner, TRACE)).toBe(0);
  expect(await levelOf(deps, id)).toMatchObject({ available: 5 });
  expect(await deps.stock(id).hold(holdOf(3, owner), TRACE)).toMatchObject({ error: { reason: "closed" } });
  expect(await deps.stock(id).reserve(lineOf(owner, 3), TRACE)).toMatchObject({ error: { reason: "closed" } });
});

test("only the last attempt that made or found a hold may undo it", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const first = holdOf(3);
  const second = { ...first, attempt: newId("req") };
  await deps.stock(id).hold(first, TRACE);
  await deps.stock(id).hold(second, TRACE);
  await deps.stock(id).undo(first.owner, first.attempt, TRACE);
  expect(await levelOf(deps, id)).toMatchObject({ available: 2 });
  await deps.stock(id).undo(first.owner, second.attempt, TRACE);
  expect(await levelOf(deps, id)).toMatchObject({ available: 5 });
  expect(await deps.stock(id).hold(first, TRACE)).toMatchObject({ ok: true, value: { newlyHeld: true } });
});

test("after the alarm the projection equals the object, and opening plus ledger is on hand", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  const sold = newId("req");
  const kept = newId("req");
  await deps.stock(id).hold(holdOf(4, sold), TRACE);
  await deps.stock(id).hold(holdOf(2, kept), TRACE);
  await deps.stock(id).reserve(lineOf(sold, 4), TRACE);
  await deps.stock(id).reserve(lineOf(kept, 2), TRACE);
  await deps.stock(id).consume(lineOf(sold, 4), TRACE);
  await deps.stock(id).consume(lineOf(sold, 4), TRACE);
  await deps.stock(id).adjust({ delta: 7, reason: "restock", actor: "usr_1" }, TRACE);
  await deps.stock(id).adjust({ delta: -1, reason: "damaged", actor: "usr_1" }, TRACE);
  await flush(id);
  const level = await levelOf(deps, id);
  const projection = await projectionOf(id);
  expect(level).toMatchObject({ onHand: 22, reserved: 2, available: 20 });
  expect(projection).toMatchObject({ on_hand: 22, reserved: 2, available: 20, availability: "in_stock" });
  const ledger = await ledgerOf(id);
  expect(ledger.map(({ type }) => type)).toEqual(["sale", "restock", "damaged"]);
  expect((projection?.opening ?? 0) + ledger.reduce((sum, { delta }) => sum + delta, 0)).toBe(level.onHand);
  expect(ledger.at(-1)?.on_hand_after).toBe(22);
});

test("a hold writes nothing to D1 and arms no alarm", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  const held = holdOf(4);
  await deps.stock(id).hold(held, TRACE);
  await deps.stock(id).undo(held.owner, held.attempt, TRACE);
  expect(await runDurableObjectAlarm(stub(id))).toBe(false);
  expect(await projectionOf(id)).toMatchObject({ sequence: 0 });
});

test("the end of a hold that a flush had counted is flushed", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  const abandoned = newId("req");
  await deps.stock(id).hold(holdOf(4, abandoned), TRACE);
  await deps.stock(id).adjust({ delta: 1, reason: "restock", actor: "usr_1" }, TRACE);
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 21, reserved: 4, available: 17 });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
  try {
    await flush(id);
  } finally {
    vi.useRealTimers();
  }
  expect(await projectionOf(id)).toMatchObject({ on_hand: 21, reserved: 0, available: 21 });
  expect(await statesOf(abandoned, [id])).toEqual(["expired"]);
});

test("a failed flush is armed again and loses nothing; a repeated one has no second effect", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  await deps.stock(id).adjust({ delta: -15, reason: "correction", actor: "usr_1" }, TRACE);
  await env.DB.exec("ALTER TABLE ledger RENAME TO hidden_ledger");
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 20 });
  expect(await eventsAbout(id)).toEqual([]);
  await env.DB.exec("ALTER TABLE hidden_ledger RENAME TO ledger");
  const alarm = await runInDurableObject(stub(id), (_instance, state) => state.storage.getAlarm());
  expect(alarm).toBeGreaterThan(Date.now());
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 5, availability: "low_stock" });
  // As if the object had crashed after D1 committed and before it noted that.
  await runInDurableObject(stub(id), (_instance, state) => {
    state.storage.sql.exec("UPDATE level SET flushed_sequence = 1");
  });
  await stub(id).reconcile({ isStale: false });
  expect(await ledgerOf(id)).toHaveLength(1);
  expect(await eventsAbout(id)).toHaveLength(2);
});

test("an older flush does not overwrite a newer one", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  await env.DB.prepare("UPDATE stock_levels SET on_hand = 30, available = 30, sequence = 1 WHERE product_id = ?")
    .bind(id)
    .run();
  await levelOf(deps, id);
  await env.DB.prepare("UPDATE stock_levels SET on_hand = 40, available = 40, sequence = 99 WHERE product_id = ?")
    .bind(id)
    .run();
  await deps.stock(id).adjust({ delta: 1, reason: "restock", actor: "usr_1" }, TRACE);
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 40, sequence: 99 });
});

test("an evicted object comes back with its own state, not with D1's", async () => {
  const { deps } = warehouse();
  const id = await stocked(8);
  const owner = newId("req");
  await deps.stock(id).hold(holdOf(3, owner), TRACE);
  await deps.stock(id).adjust({ delta: 2, reason: "return", actor: "usr_1" }, TRACE);
  await evictDurableObject(stub(id));
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 10, reserved: 3, available: 7 });
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 10, reserved: 3 });
});

test("STOCK_LOW is published once, and again only after a restock above the threshold", async () => {
  const { deps } = warehouse();
  const id = await stocked(12);
  const lows = async (): Promise<number> => {
    await flush(id);
    return (await eventsAbout(id)).filter(({ type }) => type === "STOCK_LOW").length;
  };
  const owner = newId("req");
  await deps.stock(id).reserve(lineOf(owner, 2), TRACE);
  expect(await lows()).toBe(1);
  await deps.stock(id).release(owner, TRACE);
  await deps.stock(id).reserve(lineOf(newId("req"), 2), TRACE);
  expect(await lows()).toBe(1);
  await deps.stock(id).adjust({ delta: 5, reason: "restock", actor: "usr_1" }, TRACE);
  await deps.stock(id).reserve(lineOf(newId("req"), 6), TRACE);
  expect(await lows()).toBe(2);
  const [event] = (await eventsAbout(id)).filter(({ type }) => type === "STOCK_LOW");
  expect(event).toMatchObject({
    correlationid: "test",
    data: { productId: id, sku: "SKU", available: 10, threshold: 10 },
  });
});

test("each crossing between in, low and out of stock is published once, with a growing sequence", async () => {
  const { deps } = warehouse();
  const id = await stocked(12);
  for (const quantity of [1, 5, 1, 5]) {
    await deps.stock(id).reserve(lineOf(newId("req"), quantity), TRACE);
    await flush(id);
  }
  await deps.stock(id).adjust({ delta: 50, reason: "restock", actor: "usr_1" }, TRACE);
  await flush(id);
  const published = (await eventsAbout(id)).flatMap((event) =>
    event.type === "STOCK_AVAILABILITY_CHANGED" ? [event.data] : [],
  );
  expect(published.map(({ availability, available }) => [availability, available])).toEqual([
    ["low_stock", 6],
    ["out_of_stock", 0],
    ["in_stock", 50],
  ]);
  expect(published.map(({ sequence }) => sequence)).toEqual(
    published.map(({ sequence }) => sequence).toSorted((a, b) => a - b),
  );
});

test("a lost alarm is set again by a later change", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  const restock = (): Promise<unknown> => deps.stock(id).adjust({ delta: 1, reason: "restock", actor: "usr_1" }, TRACE);
  await restock();
  await runInDurableObject(stub(id), (_instance, state) => state.storage.deleteAlarm());
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + LOST_AFTER_MS });
  try {
    await restock();
  } finally {
    vi.useRealTimers();
  }
  expect(await runInDurableObject(stub(id), (_instance, state) => state.storage.getAlarm())).not.toBeNull();
});

test("changes beyond one flush's limit follow in the next", async () => {
  const { deps } = warehouse();
  const id = await stocked(600);
  await Promise.all(Array.from({ length: 520 }, () => deps.stock(id).reserve(lineOf(newId("req"), 1), TRACE)));
  const written = async (): Promise<unknown> => {
    await flush(id);
    const count = env.DB.prepare("SELECT count(*) AS rows FROM reservations WHERE product_id = ?").bind(id);
    return (await count.first<{ rows: number }>())?.rows;
  };
  expect([await written(), await written()]).toEqual([500, 520]);
  expect(await projectionOf(id)).toMatchObject({ reserved: 520, available: 80 });
  expect(await runDurableObjectAlarm(stub(id))).toBe(false);
});

test("so do ledger entries and audit rows", async () => {
  const { deps } = warehouse();
  const id = await stocked(600);
  const audit = auditRow(callAs("admin"), Date.now(), { action: "stock.adjust", subject: id });
  const adjust = (): Promise<unknown> =>
    deps
      .stock(id)
      .adjust({ delta: -1, reason: "correction", actor: "usr_1", audit: { ...audit, id: newId("aud") } }, TRACE);
  await Promise.all(Array.from({ length: 520 }, adjust));
  const written = async (): Promise<unknown[]> => {
    await flush(id);
    return [(await ledgerOf(id)).length, (await auditOf(id)).length];
  };
  expect([await written(), await written()]).toEqual([
    [500, 500],
    [520, 520],
  ]);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 80 });
});

test("a hold that ends before the flush of the events it caused leaves the product not out of stock", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const hold = holdOf(3);
  await deps.stock(id).hold(hold, TRACE);
  await deps.stock(id).reserve(lineOf(newId("req"), 2), TRACE);
  await deps.stock(id).undo(hold.owner, hold.attempt, TRACE);
  await flush(id);
  const published = (await eventsAbout(id)).flatMap((event) =>
    event.type === "STOCK_AVAILABILITY_CHANGED" ? [event.data] : [],
  );
  expect(published.map(({ availability }) => availability)).toEqual(["out_of_stock", "low_stock"]);
  expect(await projectionOf(id)).toMatchObject({ available: 3, availability: "low_stock" });
});

test("two concurrent first descriptions open the level once", async () => {
  const { deps } = warehouse();
  const id = newId("prd");
  const say = (version: number): Promise<void> =>
    deps.stock(id).describe({ productId: id, sku: "S", name: String(version), vendorId: null, version }, TRACE);
  await Promise.all([say(1), say(2), say(1)]);
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 0, name: "2" });
});

test("SQLite itself refuses to oversell", async () => {
  const { deps } = warehouse();
  const id = await stocked(2);
  await levelOf(deps, id);
  const attempt = (statement: string) => async (): Promise<void> => {
    await runInDurableObject(stub(id), (_instance, state) => {
      state.storage.sql.exec(statement);
    });
  };
  await expect(
    attempt(
      "INSERT INTO reservations (owner, quantity, state, updated_at, sequence) VALUES ('x', 3, 'reserved', 1, 1)",
    )(),
  ).rejects.toThrow("CHECK constraint failed");
  await expect(attempt("UPDATE level SET on_hand = -1")()).rejects.toThrow("CHECK constraint failed");
});

test("newer catalog details replace older ones, and the first opens a level of 0", async () => {
  const { deps } = warehouse();
  const id = catalogProduct();
  const say = async (version: number, name: string): Promise<void> => {
    await deps.stock(id).describe({ productId: id, sku: "S", name, vendorId: "usr_v", version }, TRACE);
    await flush(id);
  };
  await say(2, "second");
  expect(await projectionOf(id)).toMatchObject({
    on_hand: 0,
    available: 0,
    name: "second",
    availability: "out_of_stock",
  });
  await say(1, "first");
  expect(await projectionOf(id)).toMatchObject({ name: "second" });
  await say(3, "third");
  expect(await projectionOf(id)).toMatchObject({ name: "third" });
});
