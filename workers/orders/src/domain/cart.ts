// A cart and everything that can be done to it, pure. The Cart object keeps the state and runs these.
import { z } from "zod";
import { MAX_QUANTITY } from "#shared/contracts/inventory";
import { MAX_CART_LINES } from "#shared/contracts/orders";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { Customer, StockLine } from "#shared/events/catalogue";
import { ok } from "#shared/result";

const CartLine = StockLine.extend({
  id: z.string(),
  /** The unit price when the buyer last had a hand in this line; absent in carts from before it was kept. */
  priceWhenAdded: z.int().optional(),
});
export type CartLine = z.infer<typeof CartLine>;

export const CartState = z.object({
  /** Only grows: an order's request key names a cart and its version. */
  version: z.int(),
  /** Milliseconds since the epoch; from then on the lines count as gone. */
  expiresAt: z.int(),
  /** Whether the index of carts has a row that the expiry sweep will find. */
  indexed: z.boolean(),
  lines: z.array(CartLine),
  /** Written before lines are handed out for an order; settled by the next touch. */
  checkout: z
    .object({
      orderId: z.string(),
      version: z.int(),
      lines: z.array(StockLine),
      /** Who is making that order, and until when each may still come through. */
      attempts: z.array(z.object({ id: z.string(), until: z.int() })),
    })
    .nullable(),
  /** Who is told when the cart expires, as of the last change; null for a guest. */
  customer: Customer.nullable().default(null),
  /** Of a guest's cart that was merged: into which cart, and what it handed over. Nothing is written to it any more. */
  closed: z
    .object({
      mergeId: z.string(),
      /** The name of the other cart. */
      into: z.string(),
      lines: z.array(CartLine),
      customer: Customer.nullable(),
      expiresAt: z.int(),
      /** At which version of the other cart alone, if the request named one. */
      ifVersion: z.int().optional(),
      /** Whether the other cart has taken the lines, which are then let go here. */
      done: z.boolean(),
    })
    .nullable()
    .default(null),
});
export type CartState = z.infer<typeof CartState>;

export const EMPTY_CART: CartState = {
  version: 0,
  expiresAt: 0,
  indexed: false,
  lines: [],
  checkout: null,
  customer: null,
  closed: null,
};

/** What a checkout hands out. */
export interface Checkout {
  readonly orderId: string;
  readonly version: number;
  readonly lines: readonly StockLine[];
  /** This version was handed out before: its order may exist already. */
  readonly repeated: boolean;
}

/** What a wanted quantity is held against, as the catalog and inventory say at this moment. */
export interface Limits {
  readonly minimum: number;
  readonly available: number;
}

/** Lets an expired cart's lines go; its index row counts as swept, so the next line writes a new one. */
export function expire(state: CartState, now: number): CartState {
  if (state.expiresAt > now) return state;
  if (state.lines.length === 0) return state.indexed ? { ...state, indexed: false } : state;
  return { ...state, version: state.version + 1, indexed: false, lines: [] };
}

/** The cart with these lines, as a new version. */
export function changed(state: CartState, lines: readonly CartLine[], expiresAt: number): CartState {
  return { ...state, version: state.version + 1, lines: [...lines], expiresAt };
}

function checkQuantity(quantity: number, { minimum, available }: Limits): Outcome<null> {
  if (quantity > MAX_QUANTITY) {
    const message = `must be at most ${String(MAX_QUANTITY)} with what is in the cart`;
    return invalidInput([{ path: "quantity", message }]);
  }
  if (quantity < minimum) {
    return fail("quantity_below_minimum", `This product is sold from ${String(minimum)} on.`, { minimum });
  }
  if (quantity > available) {
    return fail("insufficient_stock", `Only ${String(available)} are available.`, { available });
  }
  return ok(null);
}

/** Adds up with a line of the same product, at the price of now. `line.id` is used for a new one. */
export function addLine(state: CartState, line: CartLine, limits: Limits, expiresAt: number): Outcome<CartState> {
  const present = state.lines.find(({ productId }) => productId === line.productId);
  if (present === undefined && state.lines.length >= MAX_CART_LINES) {
    return fail("too_many_lines", `A cart has at most ${String(MAX_CART_LINES)} lines.`);
  }
  const quantity = (present?.quantity ?? 0) + line.quantity;
  const checked = checkQuantity(quantity, limits);
  if (!checked.ok) return checked;
  const lines =
    present === undefined
      ? [...state.lines, line]
      : state.lines.map((each) => (each === present ? { ...line, id: each.id, quantity } : each));
  return ok(changed(state, lines, expiresAt));
}

const NO_LINE = fail("not_found", "There is no such line in the cart.");

/** Sets a line's quantity, at least 1. */
export function changeLine(
  state: CartState,
  { id, quantity, priceWhenAdded }: Pick<CartLine, "id" | "quantity" | "priceWhenAdded">,
  limits: Limits,
  expiresAt: number,
): Outcome<CartState> {
  const present = state.lines.find((line) => line.id === id);
  if (present === undefined) return NO_LINE;
  const checked = checkQuantity(quantity, limits);
  if (!checked.ok) return checked;
  const lines = state.lines.map((line) => (line === present ? { ...line, quantity, priceWhenAdded } : line));
  const same = present.quantity === quantity && present.priceWhenAdded === priceWhenAdded;
  return ok(same ? { ...state, expiresAt } : changed(state, lines, expiresAt));
}

export function removeLine(state: CartState, id: string, expiresAt: number): Outcome<CartState> {
  const lines = state.lines.filter((line) => line.id !== id);
  return lines.length === state.lines.length ? NO_LINE : ok(changed(state, lines, expiresAt));
}

export function clearLines(state: CartState, expiresAt: number): CartState {
  return state.lines.length === 0 ? state : changed(state, [], expiresAt);
}

/**
 * Ends a recorded checkout. `ordered`: its quantities go, what was added meanwhile stays. Not ordered: forgotten, unless an
 * attempt may still come through.
 */
export function finishCheckout(state: CartState, ordered: boolean, now: number): CartState {
  const { checkout } = state;
  if (checkout === null) return state;
  if (!ordered) return checkout.attempts.some(({ until }) => until > now) ? state : { ...state, checkout: null };
  const bought = new Map(checkout.lines.map(({ productId, quantity }) => [productId, quantity]));
  const lines = state.lines
    .map((line) => ({ ...line, quantity: line.quantity - (bought.get(line.productId) ?? 0) }))
    .filter(({ quantity }) => quantity > 0);
  return { ...state, version: state.version + 1, lines, checkout: null };
}

/** Whether a checkout of this cart as it is repeats the recorded one, which then answers whether it was ordered or not. */
export function isCheckoutRepeated(state: CartState): boolean {
  return state.checkout?.version === state.version;
}

/**
 * Records who is about to order which lines. Of one version there is one order id, however often it is checked out.
 * Fails with cart_empty, or idempotency_in_progress while an order of an earlier version is on its way.
 */
export function checkOut(
  state: CartState,
  orderId: string,
  attempt: { readonly id: string; readonly until: number },
  now: number,
): Outcome<{ readonly state: CartState; readonly checkout: Checkout }> {
  const recorded = state.checkout;
  if (recorded !== null && recorded.version !== state.version) {
    return fail("idempotency_in_progress", "An order of this cart is being made; try again in a moment.");
  }
  if (recorded === null && state.lines.length === 0)
    return fail(
      "cart_empty",
      "The cart has no lines: add a product with POST /api/cart/items, or send items with the order.",
    );
  const lines = state.lines.map(({ productId, quantity }) => ({ productId, quantity }));
  const record = recorded ?? { orderId, version: state.version, lines, attempts: [] };
  // An attempt past its lease made its order long ago or never will, so its name is of no more use.
  const live = record.attempts.filter(({ until }) => until > now);
  return ok({
    state: { ...state, checkout: { ...record, attempts: [...live, attempt] } },
    checkout: {
      orderId: record.orderId,
      version: record.version,
      lines: record.lines,
      repeated: recorded !== null,
    },
  });
}

/** An attempt that surely made no order steps back; the last one to do so ends the checkout. */
export function abandon(state: CartState, attemptId: string): CartState {
  if (state.checkout === null) return state;
  const attempts = state.checkout.attempts.filter(({ id }) => id !== attemptId);
  return { ...state, checkout: attempts.length === 0 ? null : { ...state.checkout, attempts } };
}
