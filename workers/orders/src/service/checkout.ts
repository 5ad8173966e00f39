// The cart's part in an order. The Cart object records the order id and the lines of a checkout before it hands them out, so one
// version of a cart has one order id. Each attempt has a lease, and one that certainly made no order is withdrawn at once.
import type { Call } from "#shared/call";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { CHECKOUT_LEASE_MS } from "../constants.ts";
import type { Checkout } from "../domain/cart.ts";
import type { OrdersDeps } from "./deps.ts";

/** A cart's lines, claimed by one attempt to order them. */
export interface ClaimedCart extends Checkout {
  readonly name: string;
  readonly attemptId: string;
  /** Whether devices are connected to the cart. */
  readonly watched: boolean;
}

/** Claims the cart's lines. Fails with cart_empty, and idempotency_in_progress while an earlier version is being ordered. */
export async function claimCart(
  deps: OrdersDeps,
  { correlationId }: Call,
  name: string,
  now: number,
): Promise<Outcome<ClaimedCart>> {
  const attemptId = newId("req");
  const until = now + CHECKOUT_LEASE_MS;
  const claimed = await deps.cart(name).checkout({ now, correlationId, orderId: newId("ord"), attemptId, until });
  return claimed.ok ? ok({ ...claimed.value, name, attemptId }) : claimed;
}

/** Frees the cart after an attempt that certainly made no order, so that it can be changed and ordered again at once. */
export async function withdrawClaim(deps: OrdersDeps, { name, attemptId }: ClaimedCart): Promise<void> {
  await deps.cart(name).abandon({ attemptId });
}

/** Has the cart notify its sockets of the order, without delaying the answer. The cart's next call would find the order too. */
export function notifyCart(deps: OrdersDeps, { correlationId }: Call, { name, orderId, watched }: ClaimedCart): void {
  if (!watched) return;
  const notified = deps.cart(name).ordered({ now: deps.now(), correlationId, orderId });
  deps.waitUntil(
    notified.catch((error: unknown) => {
      log("warn", "a cart was not notified of its order", { orderId, error });
    }),
  );
}
