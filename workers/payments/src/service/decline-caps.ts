// The caps on declined cards: their settings, and the refusal of a payment when one is reached.
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { NEW_ORDER_AFTER_MS } from "../constants.ts";
import { isPaid } from "../domain/payment.ts";
import type { DeclineCaps } from "../domain/payment.ts";
import type { View } from "../store/views.ts";

/** An invalid setting stops the Worker. Any default would either let card testers in or keep buyers out. */
function countSetting(name: string, value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count <= 0) throw new Error(`${name} must be a whole number above 0`);
  return count;
}

type CapsEnv = Pick<
  PaymentsEnv,
  "ORDER_CAPS" | "DECLINES_PER_ORDER" | "DECLINES_PER_HOUR" | "NETWORK_DECLINES_PER_HOUR"
>;

/** See docs/adr/024-card-testing-and-the-sandbox.md. Undefined when ORDER_CAPS is exactly `off`: declines are counted without effect. */
export function declineCaps(env: CapsEnv): DeclineCaps | undefined {
  if (env.ORDER_CAPS === "off") return undefined;
  return {
    order: countSetting("DECLINES_PER_ORDER", env.DECLINES_PER_ORDER),
    payer: countSetting("DECLINES_PER_HOUR", env.DECLINES_PER_HOUR),
    network: countSetting("NETWORK_DECLINES_PER_HOUR", env.NETWORK_DECLINES_PER_HOUR),
  };
}

/** How a payer over an hourly cap can pay before the hour ends. */
const PROVEN = "An account with a verified e-mail address need not wait.";

/**
 * The failure of a payment whose cards were declined too often. `isOver`: a cap ended the order's payment. `retryAt`: until when (ms)
 * the payer or the client network is over a cap; null when neither is.
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

/** The failure of a new payment when a cap was reached. Undefined when declined cards do not prevent it. */
export function declinedTooOften(
  ofOrder: readonly View[],
  { retryAt, mayBegin }: { readonly retryAt: number | null; readonly mayBegin: boolean },
  now: number,
): Outcome<never> | undefined {
  if (ofOrder.some(({ row }) => isPaid(row.status))) return undefined;
  if (ofOrder.some(({ row }) => row.stoppedBy !== null)) return tooManyAttempts({ isOver: true, retryAt }, now);
  const isClosed = !mayBegin || ofOrder.some(({ closed }) => closed !== null);
  return isClosed || retryAt === null ? undefined : tooManyAttempts({ isOver: false, retryAt }, now);
}
