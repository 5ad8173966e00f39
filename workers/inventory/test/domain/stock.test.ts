// The rules of stock: single decisions, and random sequences of commands against a model that keeps every reservation.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StockLine } from "#shared/events/catalogue";
import {
  decideEvents,
  availabilityOf,
  decideConsume,
  decideHold,
  decideRelease,
  decideReserve,
  effectiveState,
  mayAdjust,
  sumLines,
} from "../../src/domain/stock.ts";
import type { Decision, Facts, Reservation, Wanted } from "../../src/domain/stock.ts";

const NOW = 1_000;
const own = (state: Reservation["state"], quantity = 2, expiresAt: number | null = null): Reservation => ({
  state,
  quantity,
  expiresAt,
  counted: false,
});
/** Facts with this much available beside the owner's live reservation. */
const facts = (available: number, reservation?: Reservation): Facts => {
  const state = effectiveState({ own: reservation, now: NOW });
  const taken = state === "held" || state === "reserved" ? (reservation?.quantity ?? 0) : 0;
  return { onHand: available + taken, taken, takenCounted: 0, own: reservation, now: NOW };
};
const wanted = (quantity: number): Wanted => ({ quantity, counted: false, minimum: 1, sharePercent: 25 });
/** `take`, `already`, or why the request is refused. */
const kindOf = (decision: Decision): string => (decision.ok ? decision.value : decision.error.reason);
const LIVE = own("held", 2, NOW + 1);
const EXPIRED = own("held", 2, NOW);

describe("one decision", () => {
  test("a hold is live until its expiry, and expired at it", () => {
    expect(effectiveState(facts(0, LIVE))).toBe("held");
    expect(effectiveState(facts(0, EXPIRED))).toBe("expired");
  });

  test.each([
    ["nothing yet", undefined, "take"],
    ["the same again", LIVE, "already"],
    ["the same, reserved", own("reserved"), "already"],
    ["another quantity", own("held", 3, NOW + 1), "closed"],
    ["one past its time", EXPIRED, "take"],
    ["one marked expired", own("expired"), "take"],
    ["released", own("released"), "closed"],
    ["served", own("consumed"), "closed"],
  ] as const)("a hold when the owner has %s", (_what, reservation, kind) => {
    expect(kindOf(decideHold(facts(2, reservation), wanted(2)))).toBe(kind);
  });

  test.each([
    ["nothing yet", undefined, "take"],
    ["a hold", LIVE, "take"],
    ["a hold past its time", EXPIRED, "take"],
    ["the same", own("reserved"), "already"],
    ["released", own("released"), "closed"],
    ["served", own("consumed"), "already"],
  ] as const)("a reservation when the owner has %s", (_what, reservation, kind) => {
    expect(kindOf(decideReserve(facts(2, reservation), wanted(2)))).toBe(kind);
  });

  test("reserving a live hold needs no available stock, an expired one does", () => {
    expect(kindOf(decideReserve(facts(0, LIVE), wanted(2)))).toBe("take");
    expect(decideReserve(facts(0, EXPIRED), wanted(2))).toEqual({
      ok: false,
      error: { reason: "short", available: 0 },
    });
  });

  test("shipping consumes even a released reservation", () => {
    expect(kindOf(decideConsume(facts(2, own("released")), 2))).toBe("take");
    expect(decideConsume(facts(1, own("released")), 2)).toEqual({
      ok: false,
      error: { reason: "short", available: 1 },
    });
    expect(kindOf(decideConsume(facts(0, own("consumed")), 2))).toBe("already");
  });

  test("a release frees a live reservation, and shuts out an owner without one", () => {
    expect(decideRelease(facts(0, LIVE))).toBe("free");
    expect(decideRelease(facts(0, own("reserved")))).toBe("free");
    expect(decideRelease(facts(0, EXPIRED))).toBe("close");
    expect(decideRelease(facts(0))).toBe("close");
    expect(decideRelease(facts(0, own("consumed")))).toBe("already");
  });

  test.each([
    ["a hold within the share", decideHold, undefined, 25, "take"],
    ["a hold beyond the share", decideHold, undefined, 26, "limited"],
    ["a hold beyond the stock", decideHold, undefined, 101, "short"],
    ["a reservation of what counts already", decideReserve, { ...own("held", 30, NOW + 1), counted: true }, 30, "take"],
    [
      "a reservation that an expired hold no longer counts for",
      decideReserve,
      { ...EXPIRED, counted: true },
      30,
      "limited",
    ],
    ["a hold after the money was authorized", decideHold, own("expired"), 30, "take"],
  ] as const)("%s, by a buyer without proof", (_what, decide, reservation, quantity, kind) => {
    const { taken, ...rest } = facts(100, reservation);
    const stock = { ...rest, taken, takenCounted: taken };
    expect(kindOf(decide(stock, { ...wanted(quantity), counted: true }))).toBe(kind);
  });
});

type Command =
  | { readonly kind: "hold" | "reserve" | "consume"; readonly owner: number; readonly quantity: number }
  | { readonly kind: "release"; readonly owner: number }
  | { readonly kind: "adjust"; readonly delta: number }
  | { readonly kind: "wait" };

const owner = fc.integer({ min: 0, max: 3 });
const quantity = fc.integer({ min: 1, max: 6 });
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constantFrom("hold", "reserve", "consume"), owner, quantity }),
  fc.record({ kind: fc.constant("release"), owner }),
  fc.record({ kind: fc.constant("adjust"), delta: fc.integer({ min: -8, max: 8 }) }),
  fc.record({ kind: fc.constant("wait") }),
);

/** Applies each decision to a list of reservations. */
class Model {
  now = 0;
  onHand: number;
  readonly rows = new Map<number, Reservation>();

  constructor(opening: number) {
    this.onHand = opening;
  }

  get taken(): number {
    let taken = 0;
    for (const row of this.rows.values()) {
      const state = effectiveState({ own: row, now: this.now });
      if (state === "held" || state === "reserved") taken += row.quantity;
    }
    return taken;
  }

  get available(): number {
    return this.onHand - this.taken;
  }

  run(next: Command): void {
    if (next.kind === "wait") this.now += 60;
    else if (next.kind === "adjust") this.onHand += mayAdjust(this, next.delta) ? next.delta : 0;
    else if (next.kind === "release") this.#release(next.owner);
    else this.#take(next.kind, next.owner, next.quantity);
  }

  #factsOf(owner: number): Facts {
    return { onHand: this.onHand, taken: this.taken, takenCounted: 0, own: this.rows.get(owner), now: this.now };
  }

  #release(owner: number): void {
    if (decideRelease(this.#factsOf(owner)) !== "already")
      this.rows.set(owner, own("released", this.rows.get(owner)?.quantity ?? 0));
  }

  #take(kind: "hold" | "reserve" | "consume", owner: number, quantity: number): void {
    const facts = this.#factsOf(owner);
    const decision = {
      hold: () => decideHold(facts, wanted(quantity)),
      reserve: () => decideReserve(facts, wanted(quantity)),
      consume: () => decideConsume(facts, quantity),
    }[kind]();
    if (kindOf(decision) !== "take") return;
    const state = ({ hold: "held", reserve: "reserved", consume: "consumed" } as const)[kind];
    this.rows.set(owner, own(state, quantity, state === "held" ? this.now + 100 : null));
    if (kind === "consume") this.onHand -= quantity;
  }
}

describe("any sequence of commands", () => {
  const story = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.array(command, { maxLength: 40 }));

  test("keeps on-hand and available at or above zero", () => {
    fc.assert(
      fc.property(story, ([opening, commands]) => {
        const model = new Model(opening);
        for (const next of commands) {
          model.run(next);
          expect(model.onHand).toBeGreaterThanOrEqual(0);
          expect(model.available).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test("a repeated command has no second effect, except for an adjustment and time", () => {
    fc.assert(
      fc.property(story, command, ([opening, commands], last) => {
        fc.pre(last.kind !== "adjust" && last.kind !== "wait");
        const model = new Model(opening);
        for (const next of [...commands, last]) model.run(next);
        const before = { onHand: model.onHand, available: model.available, rows: [...model.rows] };
        model.run(last);
        expect({ onHand: model.onHand, available: model.available, rows: [...model.rows] }).toEqual(before);
      }),
    );
  });
});

describe("what is published", () => {
  test("availability by the threshold", () => {
    expect([-1, 0, 1, 10, 11].map((available) => availabilityOf(available, 10))).toEqual([
      "out_of_stock",
      "out_of_stock",
      "low_stock",
      "low_stock",
      "in_stock",
    ]);
    expect(availabilityOf(1, 0)).toBe("in_stock");
  });

  test("between two STOCK_LOW there is always a restock above the threshold", () => {
    const step = fc.record({ available: fc.integer({ min: 0, max: 20 }), restocked: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        let published = { armed: true, availability: availabilityOf(20, 10) };
        let mayAlarm = true;
        for (const { available, restocked } of steps) {
          const next = decideEvents(published, { available, threshold: 10, restocked });
          if (restocked && available > 10) mayAlarm = true;
          expect(next.stockLow && !mayAlarm).toBe(false);
          if (next.stockLow) mayAlarm = false;
          expect(next.availabilityChanged).toBe(availabilityOf(available, 10) !== published.availability);
          published = next;
        }
      }),
    );
  });
});

test("lines are summed by product and sorted by id, whatever their order", () => {
  const line = fc.record({ productId: fc.constantFrom("a", "b", "c", "d"), quantity });
  fc.assert(
    fc.property(fc.array(line), fc.array(line), (left, right) => {
      const summed = sumLines([...left, ...right]);
      expect(summed).toEqual(sumLines([...right, ...left]));
      expect(summed.map(({ productId }) => productId)).toEqual(
        [...new Set([...left, ...right].map(({ productId }) => productId))].toSorted(),
      );
      const total = (lines: readonly StockLine[]): number => lines.reduce((sum, one) => sum + one.quantity, 0);
      expect(total(summed)).toBe(total(left) + total(right));
    }),
  );
});
