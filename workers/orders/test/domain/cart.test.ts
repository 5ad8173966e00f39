// The cart's rules over random histories: versions only grow, and a checkout is finished exactly once.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Outcome } from "#shared/errors";
import {
  EMPTY_CART,
  abandon,
  addLine,
  changeLine,
  checkOut,
  clearLines,
  expire,
  removeLine,
  finishCheckout,
} from "../../src/domain/cart.ts";
import type { CartState } from "../../src/domain/cart.ts";

const LIMITS = { minimum: 1, available: 1_000_000 };
const TTL = 100;

function must<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(outcome.error.code);
  return outcome.value;
}

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom("add", "change", "remove", "clear", "checkout", "abandon", "ordered", "pass"),
    product: fc.nat({ max: 3 }),
    quantity: fc.integer({ min: 1, max: 5 }),
  }),
  { maxLength: 30 },
);

function quantities({
  lines,
}: {
  readonly lines: readonly { productId: string; quantity: number }[];
}): Map<string, number> {
  return new Map(lines.map(({ productId, quantity }) => [productId, quantity]));
}

type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

/** One step at `now`; a refused one leaves the cart as it is. `attempt` names orders and tries. */
function run(state: CartState, { kind, product, quantity }: Step, attempt: number, now: number): CartState {
  const line = { id: `itm_${String(product)}`, productId: `prd_${String(product)}`, quantity };
  const kept = (next: Outcome<CartState>): CartState => (next.ok ? next.value : state);
  const name = String(attempt);
  switch (kind) {
    case "add":
      return kept(addLine(state, line, LIMITS, now + TTL));
    case "change":
      return kept(changeLine(state, line, LIMITS, now + TTL));
    case "remove":
      return kept(removeLine(state, line.id, now + TTL));
    case "clear":
      return clearLines(state, now + TTL);
    case "abandon":
      return abandon(state, `try_${name}`);
    case "checkout": {
      const taken = checkOut(state, `ord_${name}`, { id: `try_${name}`, until: now + 20 }, now);
      return taken.ok ? taken.value.state : state;
    }
    case "ordered":
    case "pass":
      return finishCheckout(state, { isOrdered: kind === "ordered", now });
  }
  throw new Error(`no step ${String(kind satisfies never)}`);
}

it("keeps its rules in every history", () => {
  fc.assert(
    fc.property(steps, (items) => {
      let state: CartState = EMPTY_CART;
      let now = 0;
      for (const [attempt, item] of items.entries()) {
        now += item.kind === "pass" ? 30 * item.quantity : 1;
        const before = state;
        state = run(expire(state, now), item, attempt, now);
        const same = JSON.stringify(state.lines) === JSON.stringify(before.lines);
        expect(state.version - before.version).toBeGreaterThanOrEqual(same ? 0 : 1);
        expect(new Set(state.lines.map(({ productId }) => productId)).size).toBe(state.lines.length);
        expect(state.lines.every(({ quantity }) => quantity > 0)).toBe(true);
        // One version has one order id.
        const [old, recorded] = [before.checkout, state.checkout];
        expect(old?.version !== recorded?.version || old?.orderId === recorded?.orderId).toBe(true);
      }
    }),
  );
});

it("loses exactly what was ordered, whatever was added or removed since the checkout", () => {
  const quantity = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom("a", "b", "c"), quantity, { minKeys: 1 }), steps, (ordered, items) => {
      let state = EMPTY_CART;
      for (const [productId, wanted] of Object.entries(ordered)) {
        state = must(addLine(state, { id: productId, productId, quantity: wanted }, LIMITS, 1_000));
      }
      state = must(checkOut(state, "ord_1", { id: "try_1", until: 1_000 }, 0)).state;
      for (const item of items) if (["add", "remove", "change"].includes(item.kind)) state = run(state, item, 1, 1);
      const had = quantities(state);
      const left = quantities(finishCheckout(state, { isOrdered: true, now: 1 }));
      for (const [productId, amount] of had) {
        expect(left.get(productId) ?? 0).toBe(Math.max(0, amount - (ordered[productId] ?? 0)));
      }
    }),
  );
});

it("keeps a checkout while an attempt's lease runs, and drops it afterwards", () => {
  const cart = must(addLine(EMPTY_CART, { id: "itm_1", productId: "prd_1", quantity: 1 }, LIMITS, 1_000));
  const first = must(checkOut(cart, "ord_1", { id: "try_1", until: 100 }, 0));
  const { state, checkout } = must(checkOut(first.state, "ord_2", { id: "try_2", until: 120 }, 20));
  expect(checkout).toMatchObject({ orderId: "ord_1", repeated: true });
  expect(finishCheckout(state, { isOrdered: false, now: 119 }).checkout).not.toBeNull();
  expect(finishCheckout(state, { isOrdered: false, now: 120 }).checkout).toBeNull();
  expect(abandon(state, "try_1").checkout).not.toBeNull();
  expect(abandon(abandon(state, "try_1"), "try_2").checkout).toBeNull();
});
