// The order's state machine over random histories.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OrderStatus, PaymentStatus, StockStatus } from "#shared/contracts/orders";
import { command } from "../../src/domain/commands.ts";
import { CANCELLABLE, applyChange, changeOf } from "../../src/domain/order.ts";
import type { Party } from "../../src/domain/commands.ts";
import type { PeerEvent, OrderState, StockReport } from "../../src/domain/order.ts";

const START: OrderState = {
  status: "PENDING",
  paymentStatus: "NONE",
  paymentVersion: 0,
  stockStatus: "PENDING",
  paymentDueAt: 0,
  createdAt: 0,
};

const steps = fc.array(
  fc.oneof(
    fc.record({ stock: fc.constantFrom<StockReport>("RESERVED", "REJECTED", "RELEASED", "CONSUMED") }),
    fc.record({ payment: fc.constantFrom(...PaymentStatus.options), version: fc.nat({ max: 8 }) }),
    fc.record({
      to: fc.constantFrom(...OrderStatus.options),
      by: fc.constantFrom<Party>("buyer", "vendor", "admin", "system"),
    }),
  ),
  { maxLength: 20 },
);
type Step = typeof steps extends fc.Arbitrary<readonly (infer S)[]> ? S : never;

function after(state: OrderState, event: PeerEvent): OrderState {
  return applyChange(state, changeOf(event), { now: 0, paymentWindowMs: 1 }).state;
}

function step(state: OrderState, item: Step): OrderState {
  if ("stock" in item) return after(state, { kind: "stock", stockStatus: item.stock });
  if ("payment" in item) {
    return after(state, { kind: "payment", paymentStatus: item.payment, version: item.version, reportedAt: 0 });
  }
  const next = command(state, item.to, item.by);
  return next.ok ? next.value : state;
}

const RANK: Readonly<Record<OrderStatus, number>> = {
  PENDING: 0,
  CONFIRMED: 1,
  PROCESSING: 2,
  SHIPPED: 3,
  DELIVERED: 4,
  CANCELLED: 5,
};

describe("an event", () => {
  const payments = PaymentStatus.options.flatMap((paymentStatus) =>
    [null, "too_many_declines"].map((reason) => ({
      kind: "payment" as const,
      paymentStatus,
      reason,
      version: 1,
      reportedAt: 0,
    })),
  );
  const stocks = (["RESERVED", "REJECTED", "RELEASED", "CONSUMED"] as const).map((stockStatus) => ({
    kind: "stock" as const,
    stockStatus,
  }));

  it.each([...stocks, ...payments])("can only confirm an order or only cancel it: %o", (event) => {
    expect(new Set(changeOf(event).transitions.map(({ to }) => to)).size).toBeLessThanOrEqual(1);
  });
});

describe("the state machine", () => {
  it("never goes back, never leaves a final status, and skips no step", () => {
    fc.assert(
      fc.property(steps, (items) => {
        let state = START;
        for (const item of items) {
          const next = step(state, item);
          expect(RANK[next.status]).toBeGreaterThanOrEqual(RANK[state.status]);
          const cancels = next.status === "CANCELLED" && state.status !== "CANCELLED";
          const allowed = cancels ? CANCELLABLE.includes(state.status) : RANK[next.status] - RANK[state.status] <= 1;
          expect(allowed).toBe(true);
          state = next;
        }
      }),
    );
  });

  it("confirms nothing without stock and money, and ships nothing whose money is disputed, voided or refunded", () => {
    fc.assert(
      fc.property(steps, (items) => {
        let state = START;
        for (const item of items) {
          const next = step(state, item);
          const confirms = next.status === "CONFIRMED" && state.status === "PENDING";
          const moneyIn = ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED", "DISPUTED"].includes(next.paymentStatus);
          expect(!confirms || (next.stockStatus === "RESERVED" && moneyIn)).toBe(true);
          const ships = next.status === "SHIPPED" && state.status === "PROCESSING";
          expect(!ships || (moneyIn && next.paymentStatus !== "DISPUTED")).toBe(true);
          expect(state.stockStatus !== "CONSUMED" || next.stockStatus === "CONSUMED").toBe(true);
          expect(next.paymentVersion).toBeGreaterThanOrEqual(state.paymentVersion);
          state = next;
        }
      }),
    );
  });

  it("changes nothing by an event's second delivery", () => {
    fc.assert(
      fc.property(steps, (items) => {
        let state = START;
        for (const item of items) {
          state = step(state, item);
          expect(step(state, item)).toEqual(state);
        }
      }),
    );
  });

  it("returns the same state for the present status, in every state", () => {
    const states = OrderStatus.options.flatMap((status) =>
      PaymentStatus.options.flatMap((paymentStatus) =>
        StockStatus.options.map((stockStatus) => ({ ...START, status, paymentStatus, stockStatus })),
      ),
    );
    for (const state of states) {
      for (const by of ["buyer", "vendor", "admin", "system"] as const) {
        const same = command(state, state.status, by);
        expect(same.ok && same.value === state).toBe(true);
      }
    }
  });

  it("names both statuses in the refusal of a step", () => {
    expect(command({ ...START, status: "SHIPPED" }, "CANCELLED", "admin")).toMatchObject({
      ok: false,
      error: { code: "illegal_transition", from: "SHIPPED", to: "CANCELLED" },
    });
    expect(command({ ...START, status: "PROCESSING" }, "CANCELLED", "buyer").ok).toBe(false);
    expect(command({ ...START, status: "PROCESSING" }, "CANCELLED", "admin").ok).toBe(true);
  });

  it("names in every refusal exactly the states that are allowed, in the text too", () => {
    for (const status of OrderStatus.options) {
      for (const paymentStatus of PaymentStatus.options) {
        const state = { ...START, status, paymentStatus };
        for (const by of ["buyer", "vendor", "admin"] as const) {
          const allowed = OrderStatus.options.filter((to) => to !== status && command(state, to, by).ok);
          for (const to of OrderStatus.options) {
            const outcome = command(state, to, by);
            if (outcome.ok || outcome.error.code !== "illegal_transition") continue;
            expect([...(outcome.error.allowedStates ?? [])].toSorted()).toEqual(allowed.toSorted());
            for (const each of allowed) expect(outcome.error.detail).toContain(each);
          }
        }
      }
    }
  });

  it("leaves the cancellation of captured money to the admins", () => {
    for (const status of ["PENDING", "CONFIRMED", "PROCESSING"] as const) {
      for (const paymentStatus of ["CAPTURED", "PARTIALLY_REFUNDED", "DISPUTED"] as const) {
        const state = { ...START, status, paymentStatus };
        expect(command(state, "CANCELLED", "vendor")).toMatchObject({ ok: false, error: { code: "forbidden" } });
        expect(command(state, "CANCELLED", "admin").ok).toBe(true);
      }
      expect(command({ ...START, status, paymentStatus: "AUTHORIZED" }, "CANCELLED", "vendor").ok).toBe(true);
    }
  });
});
