// Levels: the one of the object for who waits for it, the projection for lists.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { AvailabilitiesInput, Level, LowStockInput, ProductInput, PublicLevel } from "#shared/contracts/inventory";
import type { Outcome } from "#shared/errors";
import { decodeCursor, toPage } from "#shared/paging";
import type { Page } from "#shared/paging";
import { ok } from "#shared/result";
import type { OwnedLevel } from "../objects/stock.ts";
import { readAvailabilities, readLowStock } from "../store/levels.ts";
import type { InventoryDeps } from "./deps.ts";
import { onStock, productNotFound } from "./products.ts";

/** A vendor's id, for lists that show a vendor own products only. */
export function vendorOf({ actor }: Call): string | undefined {
  return actor.role === "vendor" ? actor.id : undefined;
}

export async function level(
  deps: InventoryDeps,
  call: Call,
  { productId }: z.output<typeof ProductInput>,
): Promise<Outcome<OwnedLevel>> {
  const answer = await onStock(deps, call, productId, (stock) => stock.level());
  return answer.ok ? answer : productNotFound();
}

export async function availabilities(
  deps: InventoryDeps,
  _call: Call,
  { productIds }: z.output<typeof AvailabilitiesInput>,
): Promise<Outcome<readonly PublicLevel[]>> {
  return ok(await readAvailabilities(deps, productIds));
}

export async function listLowStock(
  deps: InventoryDeps,
  call: Call,
  { limit, cursor }: z.output<typeof LowStockInput>,
): Promise<Outcome<Page<Level>>> {
  const vendorId = vendorOf(call);
  const scope = ["low stock", vendorId ?? null];
  const after = cursor === undefined ? ok(undefined) : await decodeCursor(scope, cursor);
  if (!after.ok) return after;
  const rows = await readLowStock(deps, { vendorId, after: after.value, limit });
  return ok(
    await toPage(
      rows,
      limit,
      scope,
      (row) => [row.available, row.productId],
      (row) => row,
    ),
  );
}
