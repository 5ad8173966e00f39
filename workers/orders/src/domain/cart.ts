// A cart and everything that can be done to it, pure. The Cart object keeps the state and runs these.
import * as z from "zod";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { Customer, StockLine } from "#shared/events/catalogue";
import { MAX_LINES, MAX_QUANTITY } from "#shared/limits";
import { ok } from "#shared/result";

const CartLine = StockLine.extend({
  id: z.string(),
  /** The unit price when the buyer last changed this line. Carts of older versions do not have it. */
  priceWhenAdded: z.int().optional(),
});
export type CartLine = z.infer<typeof CartLine>;

export const CartState = z.object({
  /** Only grows: an order's request key names a cart and its version. */
  version: z.int(),
  /** Milliseconds since the epoch; from then on the cart is empty. */
  expiresAt: z.int(),
  /** Whether the index of carts has a row that the expiry sweep will find. */
  indexed: z.boolean(),
  lines: z.array(CartLine),
  /** Written before the lines are given to an order; the next call finishes it. */
  checkout: z
    .object({
      orderId: z.string(),
      version: z.int(),
      lines: z.array(StockLine),
      /** The attempts at that order, and until when each may still succeed. */
      attempts: z.array(z.object({ id: z.string(), until: z.int() })),
    })
    .nullable(),
  /** Whom CART_EXPIRED names, as of the last change; null for a guest. */
  customer: Customer.nullable().default(null),
  /** Of a guest's cart that was merged: into which cart, and the lines it transferred. Nothing is written to it any more. */
  closed: z
    .object({
      mergeId: z.string(),
      /** The name of the other cart. */
      into: z.string(),
      lines: z.array(CartLine),
      customer: Customer.nullable(),
      expiresAt: z.int(),
      /** The only version of the other cart that may take the lines, if the request named one. */
      ifVersion: z.int().optional(),
      /** Whether the other cart has the lines; they are then dropped here. */
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

/** What an order gets from a checkout. */
export interface Checkout {
  readonly orderId: string;
  readonly version: number;
  readonly lines: readonly StockLine[];
  /** This version was checked out before: its order may exist already. */
  readonly repeated: boolean;
}

/** The limits on a quantity, as catalog and inventory report them now. */
export interface Limits {
  readonly minimum: number;
  readonly available: number;
}

/** Drops the lines of an expired cart. Its index row counts as swept, so the next line writes a new one. */
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
  if (present === undefined && state.lines.length >= MAX_LINES) {
    return fail("too_many_lines", `A cart has at most ${String(MAX_LINES)} lines.`);
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

export const NO_LINE = fail("not_found", "There is no such line in the cart.");

export const CART_EMPTY = fail(
  "cart_empty",
  "The cart has no lines: add a product with POST /api/cart/items, or send items with the order.",
);

/** The refusal of a write under an If-Match that names another version. */
export function versionConflict(currentVersion: number): Outcome<never> {
  const detail = "The cart has changed since; read it again and send its ETag in If-Match.";
  return fail("cart_version_conflict", detail, { currentVersion });
}

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
 * Ends a recorded checkout. If its order exists, the ordered quantities are removed and later additions stay. If not, the record is
 * dropped, unless an attempt's lease still runs.
 */
export function finishCheckout(
  state: CartState,
  { isOrdered, now }: { readonly isOrdered: boolean; readonly now: number },
): CartState {
  const { checkout } = state;
  if (checkout === null) return state;
  if (!isOrdered) return checkout.attempts.some(({ until }) => until > now) ? state : { ...state, checkout: null };
  const bought = new Map(checkout.lines.map(({ productId, quantity }) => [productId, quantity]));
  const lines = state.lines
    .map((line) => ({ ...line, quantity: line.quantity - (bought.get(line.productId) ?? 0) }))
    .filter(({ quantity }) => quantity > 0);
  return { ...state, version: state.version + 1, lines, checkout: null };
}

/** Whether a checkout of this cart would repeat the recorded one: the record then answers, whether its order exists or not. */
export function isCheckoutRepeated(state: CartState): boolean {
  return state.checkout?.version === state.version;
}

/**
 * Records an attempt to order the lines. One version has one order id, however often it is checked out.
 * Fails with cart_empty, or idempotency_in_progress while an order of an earlier version is being made.
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
  if (recorded === null && state.lines.length === 0) return CART_EMPTY;
  const lines = state.lines.map(({ productId, quantity }) => ({ productId, quantity }));
  const record = recorded ?? { orderId, version: state.version, lines, attempts: [] };
  // An attempt past its lease has made its order or never will.
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

/** Withdraws an attempt that certainly made no order; the last one to be withdrawn ends the checkout. */
export function abandon(state: CartState, attemptId: string): CartState {
  if (state.checkout === null) return state;
  const attempts = state.checkout.attempts.filter(({ id }) => id !== attemptId);
  return { ...state, checkout: attempts.length === 0 ? null : { ...state.checkout, attempts } };
}
