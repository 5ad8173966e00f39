// The low-stock threshold of one product.
import type { z } from "zod";
import { auditRow } from "#shared/audit";
import type { Call } from "#shared/call";
import type { Level, SetThresholdInput } from "#shared/contracts/inventory";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import type { InventoryDeps } from "./deps.ts";
import { vendorOf } from "./levels.ts";
import { onStock, productNotFound, traceOf } from "./products.ts";

/** See InventoryContract.setThreshold. */
export async function setThreshold(
  deps: InventoryDeps,
  call: Call,
  { productId, lowStockThreshold }: z.output<typeof SetThresholdInput>,
): Promise<Outcome<Level>> {
  const audit = auditRow(call, deps.now(), {
    action: "stock.set_threshold",
    subject: productId,
    details: { lowStockThreshold },
  });
  const change = { threshold: lowStockThreshold, vendorId: vendorOf(call), audit };
  const answer = await onStock(deps, call, productId, (stock) => stock.setThreshold(change, traceOf(call)));
  // Another vendor's product is to this one as unknown as one that does not exist.
  if (!answer.ok) return productNotFound();
  const { vendorId: _, ...level } = answer.value;
  return ok(level);
}
