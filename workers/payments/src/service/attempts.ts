// What somebody is told whose cards were declined too often: whether the order is over, and when to come back.
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { NEW_ORDER_AFTER_MS } from "../constants.ts";

/** How a payer whom a cap of the hour holds back goes on before its end. */
const PROVEN = "An account with a verified e-mail address need not wait.";

/**
 * `isOver`: a cap ended the order's payment. `retryAt` (ms): until when the payer or the client network is over a cap; null when
 * neither is.
 */
export function tooManyAttempts(
  { isOver, retryAt }: { readonly isOver: boolean; readonly retryAt: number | null },
  now: number,
): Outcome<never> {
  const at = new Date(Math.max(retryAt ?? 0, isOver ? now + NEW_ORDER_AFTER_MS : 0)).toISOString();
  if (!isOver) {
    return fail("too_many_attempts", `Too many cards were declined. Try again at ${at}. ${PROVEN}`, { retryAt: at });
  }
  const over = "Too many cards were declined for this order, and it cannot be paid any more. Place a new order";
  const detail = retryAt === null ? `${over} and pay with another card.` : `${over} at ${at}. ${PROVEN}`;
  return fail("too_many_attempts", detail, { retryAt: at });
}
