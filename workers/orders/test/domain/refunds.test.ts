// The amounts of refunds of lines, over random orders and random parts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Order } from "#shared/contracts/orders";
import type { Outcome } from "#shared/errors";
import { MAX_AMOUNT_MINOR } from "#shared/money";
import { draftRefund, paidPerLine, restocked, retryAfterMs, shareOut } from "../../src/domain/refunds.ts";
import type { RefundDraft } from "../../src/domain/refunds.ts";
import { sellerOfAll } from "../../src/domain/new-order.ts";

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function value<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(outcome.error.detail);
  return outcome.value;
}

interface Line {
  readonly unitPrice: number;
  readonly quantity: number;
}

interface Costs {
  readonly discount?: number;
  readonly shipping?: number;
  readonly tax?: number;
}

function orderOf(lines: readonly Line[], { discount = 0, shipping = 0, tax = 0 }: Costs = {}): Order {
  const subtotal = sum(lines.map(({ unitPrice, quantity }) => unitPrice * quantity));
  return {
    id: "ord_1",
    number: "TP-1",
    customerId: null,
    status: "DELIVERED",
    subtotal,
    discount,
    shipping,
    tax,
    total: subtotal - discount + shipping + tax,
    currency: "USD",
    items: lines.map(({ unitPrice, quantity }, index) => ({
      id: `itm_${String(index)}`,
      productId: `prd_${String(index)}`,
      sku: "S",
      name: "N",
      unitPrice,
      quantity,
      lineTotal: unitPrice * quantity,
      refundedQuantity: 0,
    })),
    shippingAddress: { name: "A", line1: "B", city: "C", postalCode: "1", country: "US" },
    shippingMethod: "standard",
    paymentStatus: "CAPTURED",
    stockStatus: "CONSUMED",
    paymentDueAt: "2026-11-23T00:00:00.000Z",
    history: [],
    refunds: [],
    createdAt: "2026-11-23T00:00:00.000Z",
    updatedAt: "2026-11-23T00:00:00.000Z",
  };
}

function refundedBy(order: Order, refund: RefundDraft): Order {
  const row = { id: "rfd_1", orderId: order.id, currency: "USD", reason: null, createdAt: order.createdAt };
  return { ...order, refunds: [...order.refunds, { ...row, ...refund, lines: [...refund.lines], status: "done" }] };
}

const lines = fc.array(fc.record({ unitPrice: fc.nat({ max: 100_000 }), quantity: fc.integer({ min: 1, max: 12 }) }), {
  minLength: 1,
  maxLength: 6,
});
const orders = lines.chain((all) => {
  const subtotal = sum(all.map(({ unitPrice, quantity }) => unitPrice * quantity));
  return fc
    .record({ discount: fc.nat({ max: subtotal }), shipping: fc.nat({ max: 9_999 }), tax: fc.nat({ max: 50_000 }) })
    .map((costs) => orderOf(all, costs));
});

describe("sharing an amount out", () => {
  it("gives each its exact part rounded down or up, and distributes the whole amount", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: MAX_AMOUNT_MINOR }),
        fc.array(fc.nat({ max: MAX_AMOUNT_MINOR }), { minLength: 1, maxLength: 20 }),
        (amount, weights) => {
          const shares = shareOut(amount, weights);
          expect(sum(shares)).toBe(amount);
          const whole = weights.reduce((total, weight) => total + BigInt(weight), 0n);
          if (whole === 0n) return;
          for (const [index, weight] of weights.entries()) {
            const floor = Number((BigInt(amount) * BigInt(weight)) / whole);
            expect([floor, floor + 1]).toContain(shares[index]);
            expect(weight === 0 ? shares[index] : 0).toBe(0);
          }
        },
      ),
    );
  });

  it("gives the rest to the largest remainders", () => {
    expect(shareOut(100, [1, 1, 1])).toEqual([34, 33, 33]);
    expect(shareOut(10, [15, 25, 60])).toEqual([2, 2, 6]);
    expect(shareOut(5, [0, 0])).toEqual([5, 0]);
  });
});

describe("a refund of lines", () => {
  it("in any parts and any order refunds exactly what was paid in the end, and never more", () => {
    fc.assert(
      fc.property(orders, fc.infiniteStream(fc.nat()), (start, stream) => {
        let order = start;
        const random = (below: number): number => Number(stream.next().value) % below;
        const paid = paidPerLine(start);
        expect(sum(paid) + start.shipping).toBe(start.total);
        const left = new Map(start.items.map(({ id, quantity }) => [id, quantity]));
        while ([...left.values()].some((quantity) => quantity > 0)) {
          const open = [...left].filter(([, quantity]) => quantity > 0);
          const [itemId, most] = open[random(open.length)] ?? ["", 0];
          const quantity = 1 + random(most);
          const draft = value(draftRefund(order, [{ itemId, quantity, restock: true }], { includeShipping: false }));
          expect(draft.amount).toBeGreaterThanOrEqual(0);
          order = refundedBy(order, draft);
          left.set(itemId, most - quantity);
          const given = sum(order.refunds.map(({ amount }) => amount));
          expect(given).toBeLessThanOrEqual(start.total - start.shipping);
        }
        for (const [index, { id }] of start.items.entries()) {
          const own = order.refunds.flatMap((refund) => refund.lines).filter(({ itemId }) => itemId === id);
          expect(sum(own.map(({ amount }) => amount))).toBe(paid[index]);
        }
        expect(sum(order.refunds.map(({ amount }) => amount)) + start.shipping).toBe(start.total);
      }),
    );
  });

  it("refunds whole units at their price without discount and tax", () => {
    fc.assert(
      fc.property(lines, fc.nat(), (all, pick) => {
        const order = orderOf(all, { shipping: 599 });
        const item = order.items[pick % order.items.length];
        if (item === undefined) return;
        const quantity = 1 + (pick % item.quantity);
        const draft = value(
          draftRefund(order, [{ itemId: item.id, quantity, restock: false }], { includeShipping: true }),
        );
        expect(draft).toMatchObject({ shipping: 599, amount: quantity * item.unitPrice + 599 });
      }),
    );
  });

  it("that was refused leaves its units and its money refundable", () => {
    fc.assert(
      fc.property(orders, (start) => {
        const all = start.items.map(({ id, quantity }) => ({ itemId: id, quantity, restock: true }));
        const refunded = refundedBy(start, value(draftRefund(start, all.slice(0, 1), { includeShipping: true })));
        const refused = {
          ...refunded,
          refunds: refunded.refunds.map((one) => ({ ...one, status: "refused" as const })),
        };
        expect(value(draftRefund(refused, all, { includeShipping: true })).amount).toBe(start.total);
      }),
    );
  });

  it("refunds no more than is left, also of a line named twice, and the shipping once", () => {
    const order = orderOf([{ unitPrice: 250, quantity: 5 }], { shipping: 599 });
    const line = (quantity: number, restock = true) => ({ itemId: "itm_0", quantity, restock });
    const code = (outcome: Outcome<unknown>): string => (outcome.ok ? "ok" : outcome.error.code);
    expect(code(draftRefund(order, [line(6)], { includeShipping: false }))).toBe("refund_exceeds_order");
    expect(code(draftRefund(order, [line(3), line(3, false)], { includeShipping: false }))).toBe(
      "refund_exceeds_order",
    );
    expect(code(draftRefund(order, [{ ...line(1), itemId: "itm_9" }], { includeShipping: false }))).toBe(
      "validation_failed",
    );
    const draft = value(draftRefund(order, [line(2), line(1, false)], { includeShipping: true }));
    expect(draft).toMatchObject({ amount: 750 + 599, shipping: 599 });
    expect(restocked(draft.lines)).toEqual([{ productId: "prd_0", quantity: 2 }]);
    const after = refundedBy(order, draft);
    expect(code(draftRefund(after, [line(3)], { includeShipping: false }))).toBe("refund_exceeds_order");
    expect(code(draftRefund(after, [line(1)], { includeShipping: true }))).toBe("refund_exceeds_order");
    expect(value(draftRefund(after, [line(2)], { includeShipping: false })).amount).toBe(500);
  });

  it("is repeated after pauses that double up to a limit", () => {
    expect([1, 2, 3, 9, 99].map((attempts) => retryAfterMs(attempts, 60, 500))).toEqual([60, 120, 240, 500, 500]);
  });
});

it("an order has one seller when one vendor sells all its lines", () => {
  expect(sellerOfAll(["usr_1", "usr_1"])).toBe("usr_1");
  expect(sellerOfAll(["usr_1", "usr_2"])).toBeNull();
  expect(sellerOfAll(["usr_1", null])).toBeNull();
  expect(sellerOfAll([null, "usr_1"])).toBeNull();
  expect(sellerOfAll([])).toBeNull();
});
