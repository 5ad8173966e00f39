// When a payment is checked at Stripe again, and when its authorization expires.
import { DEFAULT_CAPTURE_WINDOW_MS, FIRST_CHECK_MS, MAX_CHECK_MS, SLOW_CHECK_ATTEMPTS } from "../constants.ts";
import { isOpen, isUnderDispute } from "./payment.ts";
import type { DerivedState } from "./snapshot.ts";

/** The next check of a payment: its time (ms), null when nothing is open, and the attempts from which the back-off counts. */
export interface CheckPlan {
  readonly nextCheckAt: number | null;
  readonly attempts: number;
}

/** `amountLeft`: captured, and neither refunded nor lost. */
export function planCheck(
  state: DerivedState,
  { isClosed, amountLeft, now }: { readonly isClosed: boolean; readonly amountLeft: number; readonly now: number },
): CheckPlan {
  if (isOpen(state.status)) return { nextCheckAt: now + FIRST_CHECK_MS, attempts: 0 };
  const isAuthorized = state.status === "AUTHORIZED";
  if (isAuthorized || isUnderDispute(state)) {
    const pauseMs = isAuthorized && isClosed ? FIRST_CHECK_MS : MAX_CHECK_MS;
    return { nextCheckAt: now + pauseMs, attempts: SLOW_CHECK_ATTEMPTS };
  }
  // A closed order's money has to be refunded, even if this process dies before it does so.
  return { nextCheckAt: isClosed && amountLeft > 0 ? now + FIRST_CHECK_MS : null, attempts: 0 };
}

/** Milliseconds until attempt number `attempts + 1`: `first`, then doubling up to `max`. */
export function backoffMs(attempts: number, { first, max }: { readonly first: number; readonly max: number }): number {
  return Math.min(first * 2 ** Math.min(attempts, 30), max);
}

/** When an authorization expires (ms): as Stripe says, else a default after it was made. */
export function expiryOf(row: { readonly captureUntil: number | null; readonly updatedAt: number }): number {
  return row.captureUntil ?? row.updatedAt + DEFAULT_CAPTURE_WINDOW_MS;
}
