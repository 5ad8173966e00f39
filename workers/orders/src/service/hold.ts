// The stock behind an order being made: held before the order is written, so that an order only exists with its hold.
import type { Call } from "#shared/call";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import type { StoredOrder } from "../store/orders.ts";
import type { OrdersDeps } from "./deps.ts";

export interface Hold {
  readonly owner: string;
  readonly newlyHeld: readonly StockLine[];
}

/**
 * Holds the lines for the request's key, so that copies of it share one hold. A key whose earlier attempt failed and was released
 * cannot hold again, nor can one that another body holds under: those go on under a name of their own.
 */
export async function hold(
  deps: OrdersDeps,
  call: Call,
  key: string,
  lines: readonly StockLine[],
): Promise<Outcome<Hold>> {
  const shared = await deps.inventory.hold(call, { owner: key, lines: [...lines] });
  if (shared.ok) return ok({ owner: key, newlyHeld: shared.value.newlyHeld });
  if (shared.error.code !== "reservation_conflict") return shared;
  const owner = `${key}.${newId("req")}`;
  const own = await deps.inventory.hold(call, { owner, lines: [...lines] });
  return own.ok ? ok({ owner, newlyHeld: own.value.newlyHeld }) : own;
}

/** Lets go what a loser holds beside the winner. Under the same owner the winner lives on these holds, whoever made them. */
export async function releaseBeside(deps: OrdersDeps, call: Call, held: Hold, winner: StoredOrder): Promise<void> {
  const kept = new Set(
    winner.reservationOwner === held.owner ? winner.order.items.map(({ productId }) => productId) : [],
  );
  const productIds = held.newlyHeld.map(({ productId }) => productId).filter((id) => !kept.has(id));
  if (productIds.length === 0) return;
  try {
    await deps.inventory.releaseHold(call, { owner: held.owner, productIds });
  } catch (error) {
    log("warn", "a hold was not released; it expires by itself", { owner: held.owner, error });
  }
}
