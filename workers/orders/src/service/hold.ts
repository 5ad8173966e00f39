// The stock behind an order being made: held before the order is written, so that an order only exists with its hold.
import { isProven } from "#shared/call";
import type { Call } from "#shared/call";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { canonicalJson, requestKey } from "#shared/hash";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import type { PricedLine } from "../domain/totals.ts";
import type { StoredOrder } from "../store/orders.ts";
import type { OrdersDeps } from "./deps.ts";

export interface Hold {
  readonly owner: string;
  readonly newlyHeld: readonly StockLine[];
}

interface HoldOptions {
  readonly key: string;
  readonly fingerprint: string;
  /** Whether it may share the hold of no copy. */
  readonly alone: boolean;
  /** Whether it counts toward the share of a product that buyers without proof may hold together. */
  readonly counted: boolean;
}

/** Whether what the caller orders counts toward the share of a product that buyers without proof may hold together. */
export function countsTowardShare(deps: OrdersDeps, { actor }: Call): boolean {
  return deps.orderCaps && !isProven(actor);
}

/**
 * Holds the lines for the request, so that copies of it share one hold. A request under the same key that asks for something else
 * is another owner: what it lets go is never what this one's order will live on. An owner whose earlier attempt failed and was
 * released cannot hold again; it goes on under a name of its own, as one does that may not share (`alone`).
 */
export async function hold(
  deps: OrdersDeps,
  call: Call,
  { key, fingerprint, alone, counted }: HoldOptions,
  priced: readonly PricedLine[],
): Promise<Outcome<Hold>> {
  const lines = priced.map(({ product, quantity }) => ({ productId: product.id, quantity }));
  const asked = {
    lines: priced.map(({ product: { id, minOrderQuantity }, quantity }) => ({
      productId: id,
      quantity,
      minimum: minOrderQuantity,
    })),
    counted,
  };
  // The fingerprint does not tell a cart's lines.
  const sharedOwner = await requestKey("hold", key, fingerprint, canonicalJson(lines));
  if (!alone) {
    const shared = await deps.inventory.hold(call, { ...asked, owner: sharedOwner });
    if (shared.ok) return ok({ owner: sharedOwner, newlyHeld: shared.value.newlyHeld });
    if (shared.error.code !== "reservation_conflict") return shared;
  }
  const owner = `${sharedOwner}.${newId("req")}`;
  const own = await deps.inventory.hold(call, { ...asked, owner });
  return own.ok ? ok({ owner, newlyHeld: own.value.newlyHeld }) : own;
}

/** Lets go what a loser holds beside the winner. Of the same owner the winner lives on these very holds, whoever made them. */
export async function releaseBeside(deps: OrdersDeps, call: Call, held: Hold, winner: StoredOrder): Promise<void> {
  const productIds = held.newlyHeld.map(({ productId }) => productId);
  if (winner.reservationOwner === held.owner || productIds.length === 0) return;
  try {
    await deps.inventory.releaseHold(call, { owner: held.owner, productIds });
  } catch (error) {
    log("warn", "a hold was not released; it expires by itself", { owner: held.owner, error });
  }
}
