// An order under the caps: refused before it holds stock where that can be told, else by its own batch, which then gives the
// hold back.
import type { Call } from "#shared/call";
import type { Outcome } from "#shared/errors";
import type { Customer, StockLine } from "#shared/events/catalogue";
import { log } from "#shared/logger";
import { networkDigest } from "#shared/network";
import { ok } from "#shared/result";
import { countedAs, tooManyOpenOrders } from "../domain/caps.ts";
import { exceededCap, returnHold } from "../store/caps.ts";
import type { Capped } from "../store/caps.ts";
import { findMade } from "../store/orders.ts";
import type { StoredOrder } from "../store/orders.ts";
import type { OrdersDeps } from "./deps.ts";

/** Undefined where no cap applies. `total` in minor units. */
export async function cappedAs(
  deps: OrdersDeps,
  call: Call,
  customer: Customer,
  total: number,
): Promise<Capped | undefined> {
  if (!deps.orderCaps) return undefined;
  return { counted: countedAs(call, customer, await networkDigest(call.network)), caps: deps.caps, total };
}

/** Why the order would be refused now. Fails with too_many_open_orders. */
export async function withinCaps(deps: OrdersDeps, capped: Capped): Promise<Outcome<null>> {
  const exceeded = await exceededCap(deps.db, capped);
  if (exceeded === undefined) return ok(null);
  log("info", "an order is over a cap", { cap: exceeded.cap, by: exceeded.by });
  return tooManyOpenOrders(exceeded, deps.caps, deps.currency);
}

interface Refused {
  readonly owner: string;
  readonly requestKey: string;
  /** The cart's, or this attempt's own. */
  readonly orderId: string;
  readonly lines: readonly StockLine[];
}

/**
 * Gives back the hold of a refused order. A copy of the request may have been within the caps a moment ago: then its order is
 * answered, which lives on the hold.
 */
export async function giveBack(
  deps: OrdersDeps,
  call: Call,
  { owner, requestKey, orderId, lines }: Refused,
): Promise<StoredOrder | undefined> {
  await returnHold(deps.db, { owner, requestKey, now: deps.now() });
  const winner = await findMade(deps.db, requestKey, orderId);
  if (winner?.reservationOwner === owner) return winner;
  try {
    await deps.inventory.releaseHold(call, { owner, productIds: lines.map(({ productId }) => productId) });
  } catch (error) {
    log("warn", "a hold was not released; it expires by itself", { owner, error });
  }
  return winner;
}
