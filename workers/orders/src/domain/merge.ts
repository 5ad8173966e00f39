// Merges a guest's cart into a user's, pure. Two objects are involved, so each step can be repeated: the guest's cart closes and
// remembers the lines it transfers, the user's decides once per merge whether to absorb them, and the guest's then drops them or
// opens again.
import * as z from "zod";
import { NotMerged } from "#shared/contracts/carts";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { Customer } from "#shared/events/catalogue";
import { MAX_LINES, MAX_QUANTITY } from "#shared/limits";
import { ok } from "#shared/result";
import { changed } from "./cart.ts";
import type { CartLine, CartState } from "./cart.ts";

/** What a closed cart transfers. One closing has one merge id, however often it is repeated. */
export interface CartTransfer {
  readonly mergeId: string;
  readonly lines: readonly CartLine[];
}

/** The other cart, and what it needs to absorb the lines. */
export interface Destination {
  readonly mergeId: string;
  readonly into: string;
  readonly customer: Customer | null;
  readonly expiresAt: number;
  /** The version of the other cart that the request's If-Match named. It also binds the alarm that finishes this merge. */
  readonly ifVersion?: number | undefined;
}

/** The final decision of the user's cart on a merge. `taken: false` means a stale If-Match: the guest's cart opens again. */
export const MergeDecision = z.object({ taken: z.boolean(), notMerged: z.array(NotMerged) });
export type MergeDecision = z.infer<typeof MergeDecision>;

export const CART_CLOSED = fail("cart_closed", "This cart was merged into a user's and is closed.");

/**
 * Closes a guest's cart for the user's; closing it again for the same user gives the same transfer. A cart without lines (unknown,
 * expired or empty) transfers nothing and stays open. Fails with cart_closed when it was merged into another user's, and
 * idempotency_in_progress while an order of it is being made.
 */
export function closeFor(
  state: CartState,
  to: Destination,
): Outcome<{ readonly state: CartState; readonly transfer: CartTransfer | null }> {
  const { closed, lines } = state;
  if (closed !== null) {
    return closed.into === to.into
      ? ok({ state, transfer: { mergeId: closed.mergeId, lines: closed.lines } })
      : CART_CLOSED;
  }
  if (state.checkout !== null) {
    return fail("idempotency_in_progress", "An order of this cart is being made; try again in a moment.");
  }
  if (lines.length === 0) return ok({ state, transfer: null });
  const emptied = changed(state, [], state.expiresAt);
  return ok({
    state: { ...emptied, closed: { ...to, lines: [...lines], done: false } },
    transfer: { mergeId: to.mergeId, lines },
  });
}

/** Gives the lines back after the user's cart refused this merge. Another merge, or an absorbed one, is not undone. */
export function reopen(state: CartState, mergeId: string): CartState {
  const { closed } = state;
  if (closed === null || closed.done || closed.mergeId !== mergeId) return state;
  return { ...changed(state, closed.lines, state.expiresAt), closed: null };
}

/** Drops the lines that the user's cart has absorbed. */
export function completeTransfer(state: CartState, mergeId: string): CartState {
  const { closed } = state;
  if (closed === null || closed.mergeId !== mergeId) return state;
  return { ...state, closed: { ...closed, lines: [], done: true } };
}

/**
 * Adds a guest's lines: those of one product add up, others follow in their order. What exceeds a limit is returned as `notMerged`.
 * Stock is not checked: a cart holds none, and the checkout reports shortages.
 */
export function absorbLines(
  state: CartState,
  lines: readonly CartLine[],
  expiresAt: number,
): { readonly state: CartState; readonly notMerged: NotMerged[] } {
  const joined = new Map(state.lines.map((line) => [line.productId, line]));
  const notMerged: NotMerged[] = [];
  for (const line of lines) {
    const { productId } = line;
    const present = joined.get(productId);
    if (present === undefined && joined.size >= MAX_LINES) {
      notMerged.push({ productId, quantity: line.quantity, reason: "too_many_lines" });
      continue;
    }
    const sum = (present?.quantity ?? 0) + line.quantity;
    if (sum > MAX_QUANTITY) notMerged.push({ productId, quantity: sum - MAX_QUANTITY, reason: "quantity_limit" });
    joined.set(productId, { ...(present ?? line), quantity: Math.min(sum, MAX_QUANTITY) });
  }
  return { state: changed(state, [...joined.values()], Math.max(expiresAt, state.expiresAt)), notMerged };
}
