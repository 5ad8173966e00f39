// The rules of stock, checked against a model that keeps every reservation: nothing oversells, whatever is asked in whatever order.
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
import type { Facts, Reservation } from "../../src/domain/stock.ts";

const NOW = 1_000;
const own = (state: Reservation["state"], quantity = 2, expiresAt: number | null = null): Reservation => ({
  state,
  quantity,
  expiresAt,
});
const facts = (available: number, reservation?: Reservation): Facts => ({ available, own: reservation, now: NOW });
const LIVE = own("held", 2, NOW + 1);
const EXPIRED = own("held", 2, NOW);

describe("one decision", () => {
  test("a hold counts until its time, and not at it", () => {
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
    expect(decideHold(facts(2, reservation), 2).kind).toBe(kind);
  });

  test.each([
    ["nothing yet", undefined, "take"],
    ["a hold", LIVE, "take"],
    ["a hold past its time", EXPIRED, "take"],
    ["the same", own("reserved"), "already"],
    ["released", own("released"), "closed"],
    ["served", own("consumed"), "already"],
  ] as const)("a reservation when the owner has %s", (_what, reservation, kind) => {
    expect(decideReserve(facts(2, reservation), 2).kind).toBe(kind);
  });

  test("a live hold needs no free stock to be reserved, an expired one does", () => {
    expect(decideReserve(facts(0, LIVE), 2).kind).toBe("take");
    expect(decideReserve(facts(0, EXPIRED), 2)).toEqual({ kind: "short", available: 0 });
  });

  test("shipped goods are gone whatever was said before", () => {
    expect(decideConsume(facts(2, own("released")), 2).kind).toBe("take");
    expect(decideConsume(facts(1, own("released")), 2)).toEqual({ kind: "short", available: 1 });
    expect(decideConsume(facts(0, own("consumed")), 2).kind).toBe("already");
  });

  test("releasing gives back what lives, and shuts out what does not", () => {
    expect(decideRelease(facts(0, LIVE)).kind).toBe("take");
    expect(decideRelease(facts(0, own("reserved"))).kind).toBe("take");
    expect(decideRelease(facts(0, EXPIRED)).kind).toBe("closed");
    expect(decideRelease(facts(0)).kind).toBe("closed");
    expect(decideRelease(facts(0, own("consumed"))).kind).toBe("already");
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

/** The shortest book that could be kept by these rules. */
class Model {
  now = 0;
  onHand: number;
  readonly rows = new Map<number, Reservation>();

  constructor(opening: number) {
    this.onHand = opening;
  }

  get available(): number {
    let taken = 0;
    for (const row of this.rows.values()) {
      const state = effectiveState({ own: row, now: this.now });
      if (state === "held" || state === "reserved") taken += row.quantity;
    }
    return this.onHand - taken;
  }

  run(next: Command): void {
    if (next.kind === "wait") this.now += 60;
    else if (next.kind === "adjust") this.onHand += mayAdjust(this.available, next.delta) ? next.delta : 0;
    else if (next.kind === "release") this.#release(next.owner);
    else this.#take(next.kind, next.owner, next.quantity);
  }

  #factsOf(owner: number): Facts {
    return { available: this.available, own: this.rows.get(owner), now: this.now };
  }

  #release(owner: number): void {
    const { kind } = decideRelease(this.#factsOf(owner));
    if (kind !== "already") this.rows.set(owner, own("released", this.rows.get(owner)?.quantity ?? 0));
  }

  #take(kind: "hold" | "reserve" | "consume", owner: number, quantity: number): void {
    const decide = { hold: decideHold, reserve: decideReserve, consume: decideConsume }[kind];
    if (decide(this.#factsOf(owner), quantity).kind !== "take") return;
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

  test("a command given twice does what it does once, but for an adjustment and time", () => {
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

describe("what is told", () => {
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

  test("between two low alarms there is always a restock above the threshold", () => {
    const step = fc.record({ available: fc.integer({ min: 0, max: 20 }), restocked: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        let told = { armed: true, availability: availabilityOf(20, 10) };
        let mayAlarm = true;
        for (const { available, restocked } of steps) {
          const next = decideEvents(told, available, 10, restocked);
          if (restocked && available > 10) mayAlarm = true;
          expect(next.stockLow && !mayAlarm).toBe(false);
          if (next.stockLow) mayAlarm = false;
          expect(next.availabilityChanged).toBe(availabilityOf(available, 10) !== told.availability);
          told = next;
        }
      }),
    );
  });
});

test("lines are summed by product, in the order of ids, whatever their order", () => {
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
