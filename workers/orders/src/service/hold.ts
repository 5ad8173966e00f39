// The stock of an order being placed: held before the order is written, so that no order exists without its hold.
import type { Call } from "#shared/call";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import type { PricedLine } from "../domain/totals.ts";
import type { OrdersDeps } from "./deps.ts";

export interface Hold {
  readonly owner: string;
  /** The lines that this call held; the others were held by a copy of the request. */
  readonly newlyHeld: readonly StockLine[];
}

interface HoldOptions {
  /** The owner that all copies of the request have. */
  readonly owner: string;
  /** Whether to use the copies' hold. If not, or if it was released before, the hold gets an owner of its own. */
  readonly isShared: boolean;
  /** Whether it counts toward the share of a product that unproven buyers may hold together. */
  readonly counted: boolean;
}

/** Holds the lines. Fails as InventoryContract.hold does. */
export async function holdStock(
  deps: OrdersDeps,
  call: Call,
  priced: readonly PricedLine[],
  { owner, isShared, counted }: HoldOptions,
): Promise<Outcome<Hold>> {
  const lines = priced.map(({ product, quantity }) => ({
    productId: product.id,
    quantity,
    minimum: product.minOrderQuantity,
  }));
  if (isShared) {
    const shared = await deps.inventory.hold(call, { owner, lines, counted });
    if (shared.ok) return ok({ owner, newlyHeld: shared.value.newlyHeld });
    if (shared.error.code !== "reservation_conflict") return shared;
  }
  const ownOwner = `${owner}.${newId("req")}`;
  const own = await deps.inventory.hold(call, { owner: ownOwner, lines, counted });
  return own.ok ? ok({ owner: ownOwner, newlyHeld: own.value.newlyHeld }) : own;
}

/** Releases what no order uses. A failure is only logged: the hold expires. */
export async function releaseHold(
  deps: OrdersDeps,
  call: Call,
  { owner, lines }: { readonly owner: string; readonly lines: readonly StockLine[] },
): Promise<void> {
  const productIds = lines.map(({ productId }) => productId);
  if (productIds.length === 0) return;
  try {
    await deps.inventory.releaseHold(call, { owner, productIds });
  } catch (error) {
    log("warn", "a hold was not released; it expires by itself", { owner, error });
  }
}
