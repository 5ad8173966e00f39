// Sweeps, which complete what a lost alarm, row or process left, and the entrypoint.
import { env as testEnv, exports } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { InventoryContract } from "#shared/contracts/inventory";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { runScheduled } from "../src/scheduled.ts";
import { TRACE, env, flush, ledgerOf, projectionOf, stocked, stub, sweep, warehouse } from "./warehouse.ts";

const call = callAs("admin");
const inventory = (exports as unknown as { InventoryRpc: InventoryContract }).InventoryRpc;

test("the sweep flushes a change whose alarm was lost", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  await deps.stock(id).adjust({ delta: 1, reason: "restock", actor: "usr_1" }, TRACE);
  await flush(id);
  await deps.stock(id).adjust({ delta: 1, reason: "restock", actor: "usr_1" }, TRACE);
  await runInDurableObject(stub(id), (_instance, state) => state.storage.deleteAlarm());
  expect((await sweep(deps, { everything: true }))["correctedProjections"]).toBeGreaterThanOrEqual(1);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 22 });
  expect(await sweep(deps, { everything: true })).toMatchObject({ correctedProjections: 0 });
});

test("rows that D1 lost are written again, each once", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  for (const delta of [1, 2]) {
    await deps.stock(id).adjust({ delta, reason: "restock", actor: "usr_1" }, TRACE);
    await flush(id);
  }
  await env.DB.batch([
    env.DB.prepare("DELETE FROM ledger WHERE product_id = ? AND delta = 2").bind(id),
    env.DB.prepare("UPDATE stock_levels SET on_hand = 21, available = 21, sequence = 2 WHERE product_id = ?").bind(id),
  ]);
  expect((await sweep(deps, { everything: true }))["correctedProjections"]).toBeGreaterThanOrEqual(1);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 23 });
  expect((await ledgerOf(id)).map(({ delta }) => delta)).toEqual([1, 2]);
});

test("finished reservations are purged after their retention; live ones stay", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  const insert = env.DB.prepare(
    "INSERT INTO reservations (product_id, owner, quantity, state, updated_at) VALUES (?, ?, 1, ?, 1)",
  );
  await env.DB.batch([insert.bind(id, "old", "released"), insert.bind(id, "live", "reserved")]);
  expect(await sweep(deps, { everything: true })).toMatchObject({ purgedReservations: 1 });
  const { results } = await env.DB.prepare("SELECT owner FROM reservations WHERE product_id = ?").bind(id).all();
  expect(results).toEqual([{ owner: "live" }]);
});

test("the object purges finished reservations after their retention", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  await deps.stock(id).release("old", TRACE);
  await deps.stock(id).reserve({ owner: "live", orderId: "ord_1", quantity: 1 }, TRACE);
  const owners = await runInDurableObject(stub(id), async (instance, state) => {
    state.storage.sql.exec("UPDATE reservations SET updated_at = 1");
    state.storage.sql.exec("UPDATE level SET purged_at = 1");
    await instance.alarm();
    return state.storage.sql.exec("SELECT owner FROM reservations").toArray();
  });
  expect(owners).toEqual([{ owner: "live" }]);
});

test("the cron runs all sweeps", async () => {
  const pending: Promise<unknown>[] = [];
  await runScheduled(env, { waitUntil: (work) => void pending.push(work) });
  await Promise.all(pending);
  expect(testEnv).toBeDefined();
});

test("the entrypoint parses its input and answers over RPC", async () => {
  const id = await stocked(5);
  const lines = [{ productId: id, quantity: 2 }];
  expect(await inventory.hold(call, { owner: newId("req"), lines })).toMatchObject({
    ok: true,
    value: { newlyHeld: lines },
  });
  expect(await inventory.level(call, { productId: id })).toMatchObject({ value: { available: 3 } });
  expect(await inventory.adjust(call, { productId: id, delta: 0, reason: "restock" })).toMatchObject({
    error: { code: "validation_failed", errors: [{ path: "delta" }] },
  });
  expect(await inventory.reserve(call, { orderId: "x", items: [] })).toMatchObject({
    error: { code: "validation_failed" },
  });
  expect(await inventory.runSweeps(call, { everything: true })).toMatchObject({ ok: true });
});

test("a reservation whose release fails stops neither the others nor the other sweeps", async () => {
  const { deps } = warehouse();
  const [broken, fine] = [await stocked(5), await stocked(5)];
  const pending = env.DB.prepare(
    "INSERT INTO manual_reservations (owner, items, state, expires_at, updated_at) VALUES (?, ?, 'pending', ?, 1)",
  );
  const row = (productId: string): D1PreparedStatement =>
    pending.bind(`manual:${productId}`, JSON.stringify([{ productId, quantity: 1 }]), Date.now() + 60_000);
  await env.DB.batch([row(broken), row(fine)]);
  const half = {
    ...deps,
    stock: (productId: string) => {
      if (productId === broken) throw new Error("the object is down");
      return deps.stock(productId);
    },
  };
  expect(await sweep(half, { everything: false })).toMatchObject({ abandonedReservations: 1 });
  const stateOf = async (productId: string): Promise<unknown> =>
    await env.DB.prepare("SELECT state FROM manual_reservations WHERE owner = ?")
      .bind(`manual:${productId}`)
      .first("state");
  expect([await stateOf(broken), await stateOf(fine)]).toEqual(["pending", "released"]);
  await sweep(deps, { everything: false });
  expect(await stateOf(broken)).toBe("released");
});
