// The steps of a merge: nothing is lost, nothing is doubled, and decisions are final.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_LINES, MAX_QUANTITY } from "#shared/limits";
import { EMPTY_CART } from "../../src/domain/cart.ts";
import type { CartLine, CartState } from "../../src/domain/cart.ts";
import { closeFor, completeTransfer, reopen, absorbLines } from "../../src/domain/merge.ts";

const TO = { mergeId: "m1", into: "usr_1", customer: null, expiresAt: 50 };

function cart(lines: readonly (readonly [string, number])[]): CartState {
  const made = lines.map(([productId, quantity]): CartLine => ({ id: `itm_${productId}`, productId, quantity }));
  return { ...EMPTY_CART, version: 3, expiresAt: 100, indexed: true, lines: made };
}

function total(lines: readonly { readonly quantity: number }[]): number {
  return lines.reduce((sum, { quantity }) => sum + quantity, 0);
}

/** Products overlap often; some carts are full. */
const someLines = fc.uniqueArray(
  fc.tuple(
    fc.integer({ min: 1, max: 120 }).map((n) => `prd_${String(n)}`),
    fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: MAX_QUANTITY - 20, max: MAX_QUANTITY })),
  ),
  { selector: ([productId]) => productId, maxLength: MAX_LINES },
);

describe("absorbing a guest's lines", () => {
  it("keeps every limit, and accounts for every unit", () => {
    fc.assert(
      fc.property(someLines, someLines, (own, theirs) => {
        const [before, guest] = [cart(own), cart(theirs)];
        const { state, notMerged } = absorbLines(before, guest.lines, 50);
        expect(state.lines.length).toBeLessThanOrEqual(MAX_LINES);
        expect(state.lines.every(({ quantity }) => quantity >= 1 && quantity <= MAX_QUANTITY)).toBe(true);
        expect(new Set(state.lines.map(({ productId }) => productId)).size).toBe(state.lines.length);
        expect(total(state.lines) + total(notMerged)).toBe(total(before.lines) + total(guest.lines));
        expect(state.lines.slice(0, before.lines.length).map(({ id }) => id)).toEqual(before.lines.map(({ id }) => id));
        expect(state).toMatchObject({ version: before.version + 1, expiresAt: 100 });
      }),
    );
  });
});

describe("a guest's cart", () => {
  const lines = [["prd_1", 2]] as const;
  const closing = closeFor(cart(lines), TO);
  if (!closing.ok) throw new Error("it does not close");
  const { state: closed, transfer } = closing.value;

  it("gives the same transfer to the same user, and none to another", () => {
    expect(transfer).toEqual({ mergeId: "m1", lines: cart(lines).lines });
    expect(closed).toMatchObject({ lines: [], version: 4 });
    expect(closeFor(closed, { ...TO, mergeId: "m2" })).toEqual({ ok: true, value: { state: closed, transfer } });
    expect(closeFor(closed, { ...TO, into: "usr_2" })).toMatchObject({ ok: false, error: { code: "cart_closed" } });
  });

  it("opens again with its lines only before they are absorbed, and only for that merge", () => {
    expect(reopen(closed, "m1")).toMatchObject({ lines: cart(lines).lines, version: 5, closed: null });
    expect(reopen(closed, "m2")).toBe(closed);
    const done = completeTransfer(closed, "m1");
    expect(reopen(done, "m1")).toBe(done);
    expect(completeTransfer(reopen(closed, "m1"), "m1")).toMatchObject({ lines: cart(lines).lines, closed: null });
  });

  it("does not close while it is empty or being ordered", () => {
    expect(closeFor(EMPTY_CART, TO)).toEqual({ ok: true, value: { state: EMPTY_CART, transfer: null } });
    const ordering = { ...cart(lines), checkout: { orderId: "ord_1", version: 3, lines: [], attempts: [] } };
    expect(closeFor(ordering, TO)).toMatchObject({ ok: false, error: { code: "idempotency_in_progress" } });
  });
});
