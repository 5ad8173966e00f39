// Holding several products at once: all or nothing, without deadlock and without leaks.
import { expect, test } from "vitest";
import { callAs } from "#shared/testkit/kit";
import { newId } from "#shared/ids";
import { hold, releaseHold } from "../src/service/holds.ts";
import { catalogProduct, flush, levelOf, projectionOf, stocked, warehouse } from "./warehouse.ts";

const call = callAs("customer");

test("a one-line hold is one object call, granted or not", async () => {
  const { deps, calls } = warehouse();
  const id = await stocked(1);
  const buy = async (): Promise<boolean> =>
    (await hold(deps, call, { owner: newId("req"), lines: [{ productId: id, quantity: 1 }] })).ok;
  expect(await buy()).toBe(true);
  expect(calls()).toBe(1);
  expect(await buy()).toBe(false);
  expect(calls()).toBe(2);
});

test("of 200 concurrent buyers for 50 units exactly 50 succeed; each refusal says that 0 are available", async () => {
  const { deps, calls } = warehouse();
  const id = await stocked(50);
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, () =>
      hold(deps, call, { owner: newId("req"), lines: [{ productId: id, quantity: 1 }] }),
    ),
  );
  expect(outcomes.filter(({ ok }) => ok)).toHaveLength(50);
  const refused = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error]));
  expect(refused).toHaveLength(150);
  for (const error of refused) {
    expect(error).toMatchObject({
      code: "insufficient_stock",
      shortages: [{ productId: id, requested: 1, available: 0 }],
    });
  }
  expect(calls()).toBe(200);
});

test("with two of three lines short, nothing is held and exactly the short lines are returned", async () => {
  const { deps } = warehouse();
  const ids = [await stocked(5), await stocked(2), await stocked(0)];
  const lines = ids.map((productId) => ({ productId, quantity: 3 }));
  const outcome = await hold(deps, call, { owner: newId("req"), lines });
  const shortages = [
    { productId: ids[1], requested: 3, available: 2 },
    { productId: ids[2], requested: 3, available: 0 },
  ];
  expect(outcome).toMatchObject({ ok: false, error: { code: "insufficient_stock" } });
  expect(outcome.ok ? undefined : outcome.error.shortages).toEqual(shortages);
  const levels = await Promise.all(ids.map((id) => levelOf(deps, id)));
  expect(levels.map(({ reserved }) => reserved)).toEqual([0, 0, 0]);
});

test("after a shortage the same owner may try again", async () => {
  const { deps } = warehouse();
  const [a, b] = [await stocked(5), await stocked(0)];
  const request = {
    owner: newId("req"),
    lines: [
      { productId: a, quantity: 3 },
      { productId: b, quantity: 1 },
    ],
  };
  expect(await hold(deps, call, request)).toMatchObject({ ok: false });
  await deps.stock(b).adjust({ delta: 1, reason: "restock", actor: "usr_1" }, { correlationId: "test" });
  expect(await hold(deps, call, request)).toMatchObject({ ok: true, value: { newlyHeld: request.lines } });
});

test("lines of one product are added up", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const line = { productId: id, quantity: 3 };
  expect(await hold(deps, call, { owner: newId("req"), lines: [line, line] })).toMatchObject({
    error: { shortages: [{ productId: id, requested: 6, available: 5 }] },
  });
});

test("carts {A,B} and {B,A} at once, with one unit of each: no deadlock, at most one wins, nothing stays held", async () => {
  const { deps } = warehouse();
  let wins = 0;
  for (let round = 0; round < 10; round += 1) {
    const [a, b] = [await stocked(1), await stocked(1)];
    const lines = [
      { productId: a, quantity: 1 },
      { productId: b, quantity: 1 },
    ];
    const outcomes = await Promise.all([
      hold(deps, call, { owner: newId("req"), lines }),
      hold(deps, call, { owner: newId("req"), lines: lines.toReversed() }),
    ]);
    const won = outcomes.filter(({ ok }) => ok).length;
    expect(won).toBeLessThanOrEqual(1);
    wins += won;
    const levels = await Promise.all([levelOf(deps, a), levelOf(deps, b)]);
    expect(levels.map(({ reserved }) => reserved)).toEqual([won, won]);
  }
  // Both fail only when they undo at the same moment three times, which is rare.
  expect(wins).toBeGreaterThan(5);
});

test("of many overlapping carts at once, exactly the lines of the successful ones are held", async () => {
  const { deps } = warehouse();
  const ids = await Promise.all(Array.from({ length: 4 }, () => stocked(6)));
  const carts = Array.from({ length: 30 }, (_, index) =>
    ids
      .filter((_id, position) => ((index % 14) + 1) & (1 << position))
      .map((productId) => ({ productId, quantity: 1 + (index % 2) })),
  );
  const outcomes = await Promise.all(carts.map((lines) => hold(deps, call, { owner: newId("req"), lines })));
  const wanted = new Map<string, number>();
  for (const [index, lines] of carts.entries()) {
    if (outcomes[index]?.ok !== true) continue;
    for (const { productId, quantity } of lines) wanted.set(productId, (wanted.get(productId) ?? 0) + quantity);
  }
  for (const id of ids) {
    expect(await levelOf(deps, id)).toMatchObject({ reserved: wanted.get(id) ?? 0 });
  }
});

test("20 copies of a multi-line request that falls short leave nothing held", async () => {
  const { deps } = warehouse();
  const [a, b] = [await stocked(5), await stocked(0)];
  const lines = [
    { productId: a, quantity: 1 },
    { productId: b, quantity: 1 },
  ];
  const owner = newId("req");
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => hold(deps, call, { owner, lines })));
  expect(outcomes.filter(({ ok }) => ok)).toEqual([]);
  expect(await levelOf(deps, a)).toMatchObject({ reserved: 0 });
});

test("20 copies of a request that fits hold it once", async () => {
  const { deps } = warehouse();
  const lines = [
    { productId: await stocked(5), quantity: 2 },
    { productId: await stocked(5), quantity: 3 },
  ];
  const owner = newId("req");
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => hold(deps, call, { owner, lines })));
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  const levels = await Promise.all(lines.map(({ productId }) => levelOf(deps, productId)));
  expect(levels.map(({ reserved }) => reserved)).toEqual([2, 3]);
});

test("another quantity for the same owner is a conflict and leaves the first hold alone", async () => {
  const { deps } = warehouse();
  const [a, b] = [await stocked(5), await stocked(5)];
  const owner = newId("req");
  const linesOf = (quantity: number) => [
    { productId: a, quantity: 1 },
    { productId: b, quantity },
  ];
  await hold(deps, call, { owner, lines: linesOf(1) });
  expect(await hold(deps, call, { owner, lines: linesOf(2) })).toMatchObject({
    error: { code: "reservation_conflict" },
  });
  expect([await levelOf(deps, a), await levelOf(deps, b)]).toMatchObject([{ reserved: 1 }, { reserved: 1 }]);
});

test("a released owner may not hold again, and a second release returns nothing", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const owner = newId("req");
  const lines = [{ productId: id, quantity: 2 }];
  await hold(deps, call, { owner, lines });
  const once = await releaseHold(deps, call, { owner, productIds: [id, id] });
  expect(once).toEqual({ ok: true, value: { released: [{ productId: id, quantity: 2 }] } });
  expect(await releaseHold(deps, call, { owner, productIds: [id] })).toEqual({ ok: true, value: { released: [] } });
  expect(await hold(deps, call, { owner, lines })).toMatchObject({ error: { code: "reservation_conflict" } });
});

test("an unknown product is product_not_found, and the other lines are released", async () => {
  const { deps } = warehouse();
  const id = await stocked(5);
  const lines = [
    { productId: id, quantity: 2 },
    { productId: newId("prd"), quantity: 1 },
  ];
  expect(await hold(deps, call, { owner: newId("req"), lines })).toMatchObject({
    error: { code: "product_not_found" },
  });
  expect(await levelOf(deps, id)).toMatchObject({ reserved: 0 });
});

test("a product that only the catalog knows opens with nothing on hand", async () => {
  const { deps } = warehouse();
  const id = catalogProduct();
  const outcome = await hold(deps, call, { owner: newId("req"), lines: [{ productId: id, quantity: 1 }] });
  expect(outcome).toMatchObject({ error: { shortages: [{ productId: id, requested: 1, available: 0 }] } });
  await flush(id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: 0, name: "A product" });
});
