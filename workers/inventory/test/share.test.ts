// The share of a product that buyers without proof may hold together. It is never exceeded, and a release, expiry or authorized
// money makes room again.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { HOLD_TTL_MS } from "../src/constants.ts";
import { hold, releaseHold } from "../src/service/holds.ts";
import { reconcileStock } from "../src/service/reconciliation.ts";
import { env, flush, forget, levelOf, order, receive, stocked, stub, warehouse } from "./warehouse.ts";
import type { TestOrder, Warehouse } from "./warehouse.ts";

const guest = callAs("customer");

/** The columns of a level before reservations were counted. */
const OLD_LEVEL_COLUMNS =
  `product_id sku name vendor_id product_version opening on_hand taken own_threshold threshold armed
  availability sequence flushed_sequence shown_taken purged_at`.split(/\s+/);

afterEach(() => {
  vi.useRealTimers();
});

interface HoldOptions {
  readonly owner?: string;
  readonly counted?: boolean;
  readonly minimum?: number;
}

/** The answer to a hold of one line: `held`, or the problem's code and what is allowed. */
async function holdLine(
  { deps }: Warehouse,
  productId: string,
  quantity: number,
  { owner = newId("req"), counted = true, minimum }: HoldOptions = {},
): Promise<string> {
  const answer = await hold(deps, guest, { owner, counted, lines: [{ productId, quantity, minimum }] });
  if (answer.ok) return "held";
  return answer.error.allowed === undefined
    ? answer.error.code
    : `${answer.error.code} ${String(answer.error.allowed)}`;
}

async function countedIn(productId: string): Promise<number> {
  return await runInDurableObject(stub(productId), (_instance, state) => {
    const query = "SELECT taken_counted AS counted FROM level";
    return state.storage.sql.exec<{ counted: number }>(query).one().counted;
  });
}

function deliverAll(
  shop: Warehouse,
  one: TestOrder,
  types: readonly Parameters<TestOrder["event"]>[0][],
): Promise<unknown> {
  return receive(
    shop.deps,
    types.map((type) => one.event(type)),
  );
}

describe("concurrent buyers", () => {
  test("200 guests hold a quarter, and proven buyers get the rest", async () => {
    const shop = warehouse();
    const id = await stocked(100);
    const guests = await Promise.all(Array.from({ length: 200 }, () => holdLine(shop, id, 1)));
    expect(guests.filter((answer) => answer === "held")).toHaveLength(25);
    expect(new Set(guests)).toEqual(new Set(["held", "quantity_limited 0"]));
    const proven = await Promise.all(Array.from({ length: 100 }, () => holdLine(shop, id, 1, { counted: false })));
    expect(proven.filter((answer) => answer === "held")).toHaveLength(75);
    expect(new Set(proven)).toEqual(new Set(["held", "insufficient_stock"]));
    expect(await levelOf(shop.deps, id)).toMatchObject({ onHand: 100, reserved: 100, available: 0 });
  });

  test("whatever guests and proven buyers want, what counts stays within the share", async () => {
    const wish = fc.record({ quantity: fc.integer({ min: 1, max: 9 }), counted: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(wish, { minLength: 5, maxLength: 30 }), async (wishes) => {
        const shop = warehouse();
        const id = await stocked(40);
        const answers = await Promise.all(
          wishes.map(({ quantity, counted }) => holdLine(shop, id, quantity, { counted })),
        );
        const sumOf = (which: { counted: boolean }): number =>
          wishes.reduce(
            (sum, one, index) => sum + (answers[index] === "held" && one.counted === which.counted ? one.quantity : 0),
            0,
          );
        expect(sumOf({ counted: true })).toBeLessThanOrEqual(10);
        expect(sumOf({ counted: true }) + sumOf({ counted: false })).toBeLessThanOrEqual(40);
        expect(await countedIn(id)).toBe(sumOf({ counted: true }));
      }),
      { numRuns: 10 },
    );
  });
});

describe("what is allowed", () => {
  test("is returned, and is a share of what proven buyers have not taken", async () => {
    const shop = warehouse();
    const id = await stocked(100);
    expect(await holdLine(shop, id, 26)).toBe("quantity_limited 25");
    expect(await holdLine(shop, id, 20, { counted: false })).toBe("held");
    expect(await holdLine(shop, id, 21)).toBe("quantity_limited 20");
    expect(await holdLine(shop, id, 15)).toBe("held");
    expect(await holdLine(shop, id, 6)).toBe("quantity_limited 5");
    expect(await holdLine(shop, id, 81)).toBe("insufficient_stock");
  });

  test("is at least one unit and the product's minimum order quantity", async () => {
    const shop = warehouse();
    const [few, packs] = [await stocked(2), await stocked(20)];
    expect(await holdLine(shop, few, 1)).toBe("held");
    expect(await holdLine(shop, few, 1)).toBe("quantity_limited 0");
    expect(await holdLine(shop, packs, 13, { minimum: 12 })).toBe("quantity_limited 12");
    expect(await holdLine(shop, packs, 12, { minimum: 12 })).toBe("held");
  });

  test("is returned for every line that exceeds it, and nothing is held", async () => {
    const shop = warehouse();
    const ids = [await stocked(8), await stocked(100), await stocked(40)];
    const lines = ids.map((productId) => ({ productId, quantity: 11 }));
    const answer = await hold(shop.deps, guest, { owner: newId("req"), counted: true, lines: lines.slice(1) });
    expect(answer).toMatchObject({
      ok: false,
      error: { code: "quantity_limited", allowed: 10, limits: [{ productId: ids[2], requested: 11, allowed: 10 }] },
    });
    const short = await hold(shop.deps, guest, { owner: newId("req"), counted: true, lines });
    expect(short).toMatchObject({
      ok: false,
      error: { code: "insufficient_stock", shortages: [{ productId: ids[0] }] },
    });
    expect(await Promise.all(ids.map(countedIn))).toEqual([0, 0, 0]);
  });
});

describe("there is room again", () => {
  test("when a hold is released or expires", async () => {
    const shop = warehouse();
    const id = await stocked(8);
    const owner = newId("req");
    expect(await holdLine(shop, id, 2, { owner })).toBe("held");
    await releaseHold(shop.deps, guest, { owner, productIds: [id] });
    expect(await holdLine(shop, id, 2)).toBe("held");
    expect(await holdLine(shop, id, 1)).toBe("quantity_limited 0");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + HOLD_TTL_MS + 1 });
    expect(await holdLine(shop, id, 2)).toBe("held");
  });

  test("when the order is cancelled", async () => {
    const shop = warehouse();
    const id = await stocked(8);
    const one = order([{ productId: id, quantity: 2 }], { counted: true });
    expect(await holdLine(shop, id, 2, { owner: one.owner })).toBe("held");
    await deliverAll(shop, one, ["ORDER_CREATED"]);
    expect(await holdLine(shop, id, 1)).toBe("quantity_limited 0");
    await deliverAll(shop, one, ["ORDER_CANCELLED"]);
    expect(await holdLine(shop, id, 2)).toBe("held");
  });

  test("when the order's money is authorized; its goods stay reserved", async () => {
    const shop = warehouse();
    const id = await stocked(8);
    const one = order([{ productId: id, quantity: 2 }], { counted: true });
    await holdLine(shop, id, 2, { owner: one.owner });
    await deliverAll(shop, one, ["ORDER_CREATED", "ORDER_CONFIRMED"]);
    expect(await holdLine(shop, id, 2)).toBe("quantity_limited 1");
    expect(await holdLine(shop, id, 1)).toBe("held");
    expect(await levelOf(shop.deps, id)).toMatchObject({ onHand: 8, reserved: 3 });
  });

  test("when the buyer has become proven and holds again", async () => {
    const shop = warehouse();
    const id = await stocked(8);
    const owner = newId("req");
    await holdLine(shop, id, 2, { owner });
    expect(await holdLine(shop, id, 2, { owner, counted: false })).toBe("held");
    expect(await holdLine(shop, id, 2, { owner })).toBe("held");
    expect(await countedIn(id)).toBe(0);
  });
});

describe("an order's events in any order and number", () => {
  const types = ["ORDER_CREATED", "ORDER_CONFIRMED", "ORDER_CREATED", "ORDER_CONFIRMED"] as const;
  const held = fc.constantFrom("a live hold", "no hold");

  test("end with its goods reserved and no longer counted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...types], { minLength: 4 }), held, async (sequence, start) => {
        const shop = warehouse();
        const id = await stocked(8);
        const one = order([{ productId: id, quantity: 2 }], { counted: true });
        if (start === "a live hold") await holdLine(shop, id, 2, { owner: one.owner });
        for (const type of sequence) {
          await deliverAll(shop, one, [type]);
          await evictDurableObject(stub(id));
        }
        expect(await countedIn(id)).toBe(0);
        expect(await levelOf(shop.deps, id)).toMatchObject({ reserved: 2 });
      }),
      { numRuns: 8 },
    );
  });

  test.each([
    [["ORDER_CREATED", "ORDER_CANCELLED", "ORDER_CONFIRMED"], 8],
    [["ORDER_CONFIRMED", "ORDER_CANCELLED", "ORDER_CREATED"], 8],
    [["ORDER_CREATED", "ORDER_SHIPPED", "ORDER_CONFIRMED"], 6],
    [["ORDER_CONFIRMED", "ORDER_SHIPPED", "ORDER_CREATED"], 6],
  ] as const)("%s leaves nothing reserved", async (sequence, onHand) => {
    const shop = warehouse();
    const id = await stocked(8);
    const one = order([{ productId: id, quantity: 2 }], { counted: true });
    for (const type of sequence) await deliverAll(shop, one, [type]);
    expect(await countedIn(id)).toBe(0);
    expect(await levelOf(shop.deps, id)).toMatchObject({ onHand, reserved: 0 });
  });

  test("an expired hold is reserved while the share has room for it, else the order is rejected", async () => {
    const shop = warehouse();
    const id = await stocked(12);
    const [first, second] = [3, 2].map((quantity) => order([{ productId: id, quantity }], { counted: true }));
    if (first === undefined || second === undefined) throw new Error("two orders are needed");
    await holdLine(shop, id, 3, { owner: first.owner });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + HOLD_TTL_MS + 1 });
    await holdLine(shop, id, 2, { owner: second.owner });
    const events: EventEnvelope[] = [];
    for (const one of [second, first]) events.push(...(await eventsOf(shop, one)));
    expect(events.map(({ type }) => type)).toEqual(["STOCK_RESERVED", "STOCK_REJECTED"]);
    expect(events[1]?.data).toMatchObject({ shortages: [{ productId: id, requested: 3, available: 0 }] });
    expect(await countedIn(id)).toBe(2);
  });
});

/** The events that an order's ORDER_CREATED publishes. */
async function eventsOf(shop: Warehouse, one: TestOrder): Promise<EventEnvelope[]> {
  await deliverAll(shop, one, ["ORDER_CREATED"]);
  const { results } = await env.DB.prepare("SELECT envelope FROM outbox WHERE subject = ?")
    .bind(one.orderId)
    .all<{ envelope: string }>();
  return results.map(({ envelope }) => JSON.parse(envelope) as EventEnvelope);
}

describe("the flag", () => {
  test("is in D1 with the reservation, and an object that opens from D1 has it", async () => {
    const shop = warehouse();
    const id = await stocked(100);
    const one = order([{ productId: id, quantity: 20 }], { counted: true });
    await deliverAll(shop, one, ["ORDER_CREATED"]);
    await flush(id);
    const flag = async (): Promise<unknown> =>
      await env.DB.prepare("SELECT counted FROM reservations WHERE product_id = ?").bind(id).first("counted");
    expect(await flag()).toBe(1);
    await runInDurableObject(stub(id), async (_instance, state) => {
      await state.storage.deleteAll();
    });
    await evictDurableObject(stub(id));
    expect(await holdLine(shop, id, 6)).toBe("quantity_limited 5");
    await deliverAll(shop, one, ["ORDER_CONFIRMED"]);
    await flush(id);
    expect(await flag()).toBe(0);
    expect(await reconcileStock(shop.deps, { everything: true })).toEqual({
      correctedProjections: 0,
      openStockFindings: 0,
    });
  });

  test("is added to an object that an earlier version opened", async () => {
    const shop = warehouse();
    const id = await stocked(8);
    await holdLine(shop, id, 2, { counted: false });
    await runInDurableObject(stub(id), (_instance, state) => {
      const { sql } = state.storage;
      for (const name of ["added", "changed", "removed"]) sql.exec(`DROP TRIGGER reservation_${name}`);
      sql.exec("ALTER TABLE reservations DROP COLUMN counted");
      sql.exec("CREATE TABLE older AS SELECT * FROM level");
      sql.exec("DROP TABLE level");
      sql.exec(`CREATE TABLE level (id INTEGER PRIMARY KEY, ${OLD_LEVEL_COLUMNS.join(" ANY, ")} ANY) STRICT`);
      sql.exec(`INSERT INTO level SELECT 1, ${OLD_LEVEL_COLUMNS.join(", ")} FROM older`);
      sql.exec("DROP TABLE older");
    });
    await evictDurableObject(stub(id));
    expect(await holdLine(shop, id, 2)).toBe("quantity_limited 1");
    expect(await holdLine(shop, id, 1)).toBe("held");
    expect(await countedIn(id)).toBe(1);
    expect(await levelOf(shop.deps, id)).toMatchObject({ reserved: 3 });
  });

  test("of money that was authorized before ORDER_CREATED is purged with finished reservations", async () => {
    const shop = warehouse();
    const id = await stocked(8);
    const one = order([{ productId: id, quantity: 2 }], { counted: true });
    await deliverAll(shop, one, ["ORDER_CONFIRMED"]);
    await holdLine(shop, id, 1, { counted: false });
    await forget(id);
    const rows = await runInDurableObject(stub(id), (_instance, state) =>
      state.storage.sql.exec("SELECT owner FROM reservations WHERE owner = ?", one.owner).toArray(),
    );
    expect(rows).toEqual([]);
  });
});
