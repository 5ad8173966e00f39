// Levels, adjustments, stock takes and lists, for staff, vendors and the public.
import { describe, expect, test } from "vitest";
import { newId } from "#shared/ids";
import { callAs, guestCall } from "#shared/testkit/kit";
import { adjust, count } from "../src/service/adjustments.ts";
import { availabilities, level, listLowStock, listTransactions } from "../src/service/levels.ts";
import { auditOf, catalogProduct, env, flush, ledgerOf, levelOf, stocked, warehouse } from "./warehouse.ts";

const admin = callAs("admin");
const restock = (productId: string, delta: number, idempotencyKey?: string) => ({
  productId,
  delta,
  reason: "restock" as const,
  ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
});

test("a level comes from the object, with the vendor for the gateway's access check", async () => {
  const { deps, calls } = warehouse();
  const id = await stocked(5, { vendorId: "usr_v" });
  expect(await level(deps, guestCall(), { productId: id })).toEqual({
    ok: true,
    value: {
      productId: id,
      onHand: 5,
      reserved: 0,
      available: 5,
      status: "low_stock",
      lowStockThreshold: 10,
      vendorId: "usr_v",
    },
  });
  expect(calls()).toBe(1);
  expect(await level(deps, guestCall(), { productId: newId("prd") })).toMatchObject({
    error: { code: "product_not_found" },
  });
});

test("adjusting moves on-hand and writes one ledger entry in the actor's name", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  expect(await adjust(deps, admin, restock(id, 20))).toMatchObject({
    ok: true,
    value: { replayed: false, level: { onHand: 25, available: 25, status: "in_stock" } },
  });
  await flush(id);
  expect(await ledgerOf(id)).toEqual([{ type: "restock", delta: 20, on_hand_after: 25, reference: null }]);
});

test("on-hand cannot go below what is held", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const held = { owner: newId("req"), quantity: 3, expiresAt: Date.now() + 60_000, attempt: "a", projected: false };
  await deps.stock(id).hold(held, { correlationId: "test" });
  const write = { productId: id, reason: "damaged" as const };
  expect(await adjust(deps, admin, { ...write, delta: -3 })).toMatchObject({
    error: { code: "stock_held", available: 2 },
  });
  expect(await adjust(deps, admin, { ...write, delta: -2 })).toMatchObject({ value: { level: { available: 0 } } });
});

test("one Idempotency-Key, 20 times at once and again later: one adjustment", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const key = newId("req");
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => adjust(deps, admin, restock(id, 2, key))));
  expect(outcomes.filter((outcome) => outcome.ok && !outcome.value.replayed)).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome.ok && outcome.value.replayed)).toHaveLength(19);
  expect(await adjust(deps, admin, restock(id, 2, key))).toMatchObject({ value: { replayed: true } });
  expect(await levelOf(deps, id)).toMatchObject({ onHand: 7 });
});

test("a key is refused for another body or product; another user may use the same key", async () => {
  const { deps } = warehouse();
  const [a, b] = [await stocked(5), await stocked(5)];
  const key = newId("req");
  await adjust(deps, admin, restock(a, 2, key));
  expect(await adjust(deps, admin, restock(a, 3, key))).toMatchObject({ error: { code: "idempotency_key_reused" } });
  expect(await adjust(deps, admin, restock(b, 2, key))).toMatchObject({ error: { code: "idempotency_key_reused" } });
  expect(await adjust(deps, callAs("admin"), restock(b, 2, key))).toMatchObject({ ok: true });
});

test("a refused adjustment frees its key; a crashed one keeps it only for a while", async () => {
  let now = Date.now();
  const { deps } = warehouse(() => now);
  const [a, b] = [await stocked(1), await stocked(1)];
  const key = newId("req");
  expect(await adjust(deps, admin, restock(a, -5, key))).toMatchObject({ error: { code: "stock_held" } });
  expect(await adjust(deps, admin, restock(a, 5, key))).toMatchObject({ ok: true });
  const cutShort = newId("req");
  await env.DB.prepare("INSERT INTO adjustment_keys VALUES (?, ?, ?, 'never arrived', ?)")
    .bind(admin.actor.id, cutShort, a, now)
    .run();
  expect(await adjust(deps, admin, restock(b, 5, cutShort))).toMatchObject({
    error: { code: "idempotency_in_progress" },
  });
  now += 30_001;
  expect(await adjust(deps, admin, restock(b, 5, cutShort))).toMatchObject({ ok: true });
});

test("a vendor adjusts own products; another vendor's is product_not_found", async () => {
  const { deps } = warehouse();
  const vendor = callAs("vendor");
  const own = await stocked(5, { vendorId: vendor.actor.id });
  const foreign = await stocked(5, { vendorId: "usr_other" });
  const fresh = catalogProduct(vendor.actor.id);
  expect(await adjust(deps, vendor, restock(own, 1))).toMatchObject({ ok: true });
  expect(await adjust(deps, vendor, restock(fresh, 1))).toMatchObject({ value: { level: { onHand: 1 } } });
  for (const id of [foreign, newId("prd")]) {
    expect(await adjust(deps, vendor, restock(id, 1))).toMatchObject({ error: { code: "product_not_found" } });
  }
});

test("transactions are paged newest first, filtered by product and type; a vendor sees own ones", async () => {
  const { deps } = warehouse();
  const vendor = callAs("vendor");
  const id = await stocked(5, { vendorId: vendor.actor.id });
  for (const delta of [1, 2, 3, -1]) {
    await adjust(deps, admin, { productId: id, delta, reason: delta > 0 ? "restock" : "damaged" });
  }
  await flush(id);
  const deltasOf = async (call: typeof admin, query: object): Promise<number[]> => {
    const deltas: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await listTransactions(deps, call, {
        limit: 2,
        productId: id,
        ...query,
        ...(cursor === undefined ? {} : { cursor }),
      });
      if (!page.ok) throw new Error(page.error.code);
      deltas.push(...page.value.items.map(({ delta }) => delta));
      cursor = page.value.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return deltas;
  };
  expect(await deltasOf(admin, {})).toEqual([-1, 3, 2, 1]);
  expect(await deltasOf(vendor, { type: "restock" })).toEqual([3, 2, 1]);
  expect(await deltasOf(callAs("vendor"), {})).toEqual([]);
  const first = await listTransactions(deps, admin, { limit: 1, productId: id });
  const cursor = (first.ok ? first.value.nextCursor : null) ?? "";
  expect(await listTransactions(deps, vendor, { limit: 1, productId: id, cursor })).toMatchObject({
    error: { code: "invalid_cursor" },
  });
});

test("low stock is at or under each product's own threshold, or the shop's", async () => {
  const { deps } = warehouse();
  const vendorId = newId("usr");
  const low = await stocked(10, { vendorId });
  const empty = await stocked(0, { vendorId });
  const own = await stocked(40, { vendorId, threshold: 50 });
  await stocked(11, { vendorId });
  await stocked(5, { vendorId, threshold: 4 });
  const vendor = callAs("vendor", vendorId);
  const first = await listLowStock(deps, vendor, { limit: 2 });
  expect(first).toMatchObject({ value: { items: [{ productId: empty, status: "out_of_stock" }, { productId: low }] } });
  const cursor = (first.ok ? first.value.nextCursor : null) ?? "";
  expect(await listLowStock(deps, vendor, { limit: 2, cursor })).toMatchObject({
    value: { items: [{ productId: own, available: 40, status: "low_stock", lowStockThreshold: 50 }], nextCursor: null },
  });
});

test("availabilities of many products are one read, and unknown products are left out", async () => {
  const { deps, calls } = warehouse();
  const id = await stocked(5);
  expect(await availabilities(deps, guestCall(), { productIds: [id, newId("prd")] })).toEqual({
    ok: true,
    value: [{ productId: id, available: 5, status: "low_stock" }],
  });
  expect(calls()).toBe(0);
});

describe("a stock take", () => {
  test("sets on-hand to what was counted, and the difference is one correction in the ledger", async () => {
    const { deps } = warehouse();
    const id = await stocked(40);
    expect(await count(deps, admin, { productId: id, counted: 37, reason: "yearly" })).toMatchObject({
      value: { replayed: false, level: { onHand: 37, available: 37 } },
    });
    await count(deps, admin, { productId: id, counted: 37 });
    await count(deps, admin, { productId: id, counted: 50 });
    await flush(id);
    expect((await ledgerOf(id)).map(({ type, delta, on_hand_after }) => [type, delta, on_hand_after])).toEqual([
      ["correction", -3, 37],
      ["correction", 13, 50],
    ]);
    expect((await auditOf(id)).map(({ action, details }) => [action, JSON.parse(details)])).toEqual([
      ["stock.count", { counted: 37, reason: "yearly", onHandBefore: 40 }],
      ["stock.count", { counted: 37, reason: null, onHandBefore: 37 }],
      ["stock.count", { counted: 50, reason: null, onHandBefore: 37 }],
    ]);
  });

  test("is made once under one key, even after a sale; another body under the key is refused", async () => {
    const { deps } = warehouse();
    const id = await stocked(40);
    const take = { productId: id, counted: 30, idempotencyKey: newId("req") };
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => count(deps, admin, take)));
    expect(outcomes.filter((outcome) => outcome.ok && !outcome.value.replayed)).toHaveLength(1);
    await adjust(deps, admin, { productId: id, delta: -5, reason: "damaged" });
    expect(await count(deps, admin, take)).toMatchObject({ value: { replayed: true, level: { onHand: 25 } } });
    expect(await count(deps, admin, { ...take, counted: 31 })).toMatchObject({
      error: { code: "idempotency_key_reused" },
    });
    const { idempotencyKey } = take;
    expect(await adjust(deps, admin, { productId: id, delta: 1, reason: "restock", idempotencyKey })).toMatchObject({
      error: { code: "idempotency_key_reused" },
    });
  });

  test("below what is held is refused with the held quantity; equal to it, nothing is available", async () => {
    const { deps } = warehouse();
    const id = await stocked(40);
    const held = { owner: newId("req"), quantity: 12, expiresAt: Date.now() + 60_000, attempt: "a", projected: false };
    await deps.stock(id).hold(held, { correlationId: "test" });
    expect(await count(deps, admin, { productId: id, counted: 11 })).toMatchObject({
      error: { code: "stock_held", available: 28, detail: expect.stringContaining("12") },
    });
    expect(await count(deps, admin, { productId: id, counted: 12 })).toMatchObject({
      value: { level: { available: 0 } },
    });
  });

  test("is allowed to a vendor for own products only", async () => {
    const { deps } = warehouse();
    const vendor = callAs("vendor");
    const [own, foreign] = [await stocked(5, { vendorId: vendor.actor.id }), await stocked(5)];
    expect(await count(deps, vendor, { productId: own, counted: 6 })).toMatchObject({ ok: true });
    expect(await count(deps, vendor, { productId: foreign, counted: 6 })).toMatchObject({
      error: { code: "product_not_found" },
    });
  });
});
