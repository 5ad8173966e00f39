// Many buyers of one product at once, and changes by staff: answers, STOCK_LOW and the audit log.
import { runInDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { InventoryContract } from "#shared/contracts/inventory";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { hold } from "../src/service/holds.ts";
import { release, reserve } from "../src/service/manual.ts";
import { adjust, setThreshold } from "../src/service/adjustments.ts";
import {
  auditOf,
  env,
  eventsAbout,
  flush,
  levelOf,
  order,
  projectionOf,
  receive,
  stocked,
  stub,
  warehouse,
} from "./warehouse.ts";

const inventory = (exports as unknown as { InventoryRpc: InventoryContract }).InventoryRpc;
const customer = callAs("customer");
const admin = callAs("admin");

async function lowsOf(productId: string): Promise<number> {
  await flush(productId);
  return (await eventsAbout(productId)).filter(({ type }) => type === "STOCK_LOW").length;
}

test("of 1,000 concurrent holds of one product, exactly as many succeed as there are units", async () => {
  const { deps } = warehouse();
  const units = 317;
  const id = await stocked(units);
  const owners = Array.from({ length: 1_000 }, () => newId("req"));
  const startedAt = performance.now();
  const answers = await Promise.all(
    owners.map((owner) => inventory.hold(customer, { owner, lines: [{ productId: id, quantity: 1 }] })),
  );
  const perSecond = 1_000 / ((performance.now() - startedAt) / 1_000);
  expect(answers.filter((answer) => answer.ok)).toHaveLength(units);
  const refused = answers.flatMap((answer) => (answer.ok ? [] : [answer.error]));
  expect(refused).toHaveLength(1_000 - units);
  for (const error of refused) {
    expect(error).toMatchObject({
      code: "insufficient_stock",
      shortages: [{ productId: id, requested: 1, available: 0 }],
    });
  }
  expect(await levelOf(deps, id)).toMatchObject({ onHand: units, reserved: units, available: 0 });
  const held = await runInDurableObject(stub(id), (_instance, state) =>
    state.storage.sql.exec<{ owner: string }>("SELECT owner FROM reservations").toArray(),
  );
  const winners = owners.filter((_, index) => answers[index]?.ok);
  expect(held.map(({ owner }) => owner).toSorted()).toEqual(winners.toSorted());
  await Promise.all(winners.map((owner) => inventory.releaseHold(customer, { owner, productIds: [id] })));
  expect(await levelOf(deps, id)).toMatchObject({ onHand: units, reserved: 0, available: units });
  // Some hundreds a second on an idle core; the bound is for a busy machine.
  expect(perSecond).toBeGreaterThan(20);
});

test("50 concurrent buyers publish STOCK_LOW once; a repeated flush does not publish it again", async () => {
  const { deps } = warehouse();
  const id = await stocked(40);
  const orders = Array.from({ length: 50 }, () => order([{ productId: id, quantity: 1 }]));
  await Promise.all(
    orders.map(async (one) => {
      await hold(deps, customer, { owner: one.owner, lines: [...one.lines] });
      await receive(deps, [one.event("ORDER_CREATED")]);
    }),
  );
  expect(await lowsOf(id)).toBe(1);
  // As if the object had crashed after the flush: it sends the same event again, with the same id.
  const [published] = (await eventsAbout(id)).filter(({ type }) => type === "STOCK_LOW");
  await runInDurableObject(stub(id), (_instance, state) => {
    state.storage.sql.exec("UPDATE level SET flushed_sequence = 1");
    state.storage.sql.exec(
      "INSERT INTO events (id, envelope, sequence) VALUES (?, ?, 2)",
      published?.id ?? "",
      JSON.stringify(published),
    );
  });
  expect(await lowsOf(id)).toBe(1);
  await Promise.all(orders.slice(0, 20).map((one) => receive(deps, [one.event("ORDER_CANCELLED")])));
  expect(await levelOf(deps, id)).toMatchObject({ available: expect.any(Number) as number });
  const more = Array.from({ length: 50 }, () => order([{ productId: id, quantity: 1 }]));
  await Promise.all(more.map((one) => receive(deps, [one.event("ORDER_CREATED")])));
  expect(await lowsOf(id)).toBe(1);
  await adjust(deps, admin, { productId: id, delta: 60, reason: "restock" });
  const last = Array.from({ length: 60 }, () => order([{ productId: id, quantity: 1 }]));
  await Promise.all(last.map((one) => receive(deps, [one.event("ORDER_CREATED")])));
  expect(await lowsOf(id)).toBe(2);
});

test("a failed flush keeps STOCK_LOW for the next one", async () => {
  const { deps } = warehouse();
  const id = await stocked(12);
  await receive(deps, [order([{ productId: id, quantity: 5 }]).event("ORDER_CREATED")]);
  await env.DB.exec("ALTER TABLE ledger RENAME TO hidden_ledger");
  await env.DB.exec("ALTER TABLE stock_levels RENAME TO hidden_levels");
  expect(await lowsOf(id)).toBe(0);
  await env.DB.exec("ALTER TABLE hidden_ledger RENAME TO ledger");
  await env.DB.exec("ALTER TABLE hidden_levels RENAME TO stock_levels");
  expect(await lowsOf(id)).toBe(1);
});

test("moving the threshold above what is available publishes nothing; moving it below arms STOCK_LOW for the next sale", async () => {
  const { deps } = warehouse();
  const id = await stocked(40);
  const set = async (lowStockThreshold: number): Promise<unknown> =>
    await setThreshold(deps, admin, { productId: id, lowStockThreshold });
  expect(await set(40)).toMatchObject({
    ok: true,
    value: { lowStockThreshold: 40, available: 40, status: "low_stock" },
  });
  await set(50);
  await set(50);
  await set(20);
  expect(await lowsOf(id)).toBe(0);
  await receive(deps, [order([{ productId: id, quantity: 20 }]).event("ORDER_CREATED")]);
  expect(await lowsOf(id)).toBe(1);
  const row = await env.DB.prepare("SELECT low_stock_threshold FROM stock_levels WHERE product_id = ?")
    .bind(id)
    .first();
  expect(row).toEqual({ low_stock_threshold: 20 });
  expect((await auditOf(id)).map(({ action, details }) => [action, JSON.parse(details)])).toEqual(
    [40, 50, 20].map((lowStockThreshold) => ["stock.set_threshold", { lowStockThreshold }]),
  );
});

test("a vendor sets thresholds of own products only", async () => {
  const { deps } = warehouse();
  const vendor = callAs("vendor");
  const [own, foreign] = [await stocked(5, { vendorId: vendor.actor.id }), await stocked(5, { vendorId: "usr_other" })];
  expect(await setThreshold(deps, vendor, { productId: own, lowStockThreshold: 0 })).toMatchObject({
    value: { status: "in_stock", lowStockThreshold: 0 },
  });
  for (const productId of [foreign, newId("prd")]) {
    expect(await setThreshold(deps, vendor, { productId, lowStockThreshold: 1 })).toMatchObject({
      error: { code: "product_not_found" },
    });
  }
  expect(await auditOf(foreign)).toEqual([]);
  expect(await inventory.setThreshold(vendor, { productId: own, lowStockThreshold: -1 })).toMatchObject({
    error: { code: "validation_failed" },
  });
});

test("an adjustment is audited once in its flush, even when repeated; a refused one is not", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const key = newId("req");
  const input = { productId: id, delta: 2, reason: "restock" as const, idempotencyKey: key };
  await Promise.all([1, 2, 3].map(() => adjust(deps, admin, input)));
  await adjust(deps, admin, { productId: id, delta: -50, reason: "damaged" });
  await env.DB.exec("ALTER TABLE audit_log RENAME TO hidden_audit");
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 5 });
  await env.DB.exec("ALTER TABLE hidden_audit RENAME TO audit_log");
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 7 });
  expect(await auditOf(id)).toEqual([
    { action: "stock.adjust", actor_id: admin.actor.id, details: '{"delta":2,"reason":"restock"}' },
  ]);
});

test("a reservation by the API and its release are audited once each", async () => {
  const { deps } = warehouse();
  const [id, orderId] = [await stocked(5), newId("ord")];
  const input = { orderId, items: [{ productId: id, quantity: 2 }], ttlSeconds: 60 };
  expect(await reserve(deps, admin, input)).toMatchObject({ ok: true });
  expect(await reserve(deps, admin, input)).toMatchObject({ ok: true });
  expect(
    await reserve(deps, admin, { ...input, orderId: newId("ord"), items: [{ productId: id, quantity: 9 }] }),
  ).toMatchObject({ error: { code: "insufficient_stock" } });
  await release(deps, admin, { orderId });
  await release(deps, admin, { orderId });
  expect((await auditOf(orderId)).map(({ action }) => action)).toEqual(["stock.reserve", "stock.release"]);
});
