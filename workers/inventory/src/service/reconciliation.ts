// Reconciliation: the copies in D1 against the Stock objects, some products in each sweep, those longest not looked at first. The
// objects compare, mend and write the findings; here is whose turn it is.
import { log } from "#shared/logger";
import { LOST_AFTER_MS, RECONCILE_LIMIT, SWEEP_CONCURRENCY } from "../constants.ts";
import { NOTHING_AMISS } from "../objects/reconciliation.ts";
import type { Reconciliation } from "../objects/reconciliation.ts";
import { markReconciled, readAllSuspects, readSuspects } from "../store/sweeps.ts";
import type { Suspect } from "../store/sweeps.ts";
import type { InventoryDeps } from "./deps.ts";

type Reconciled = Suspect & { readonly found: Reconciliation | undefined };

/** Products whose copy was mended, and those that somebody has to look at. `everything` takes all products at once. */
export async function reconcileStock(
  deps: InventoryDeps,
  { everything }: { readonly everything: boolean },
): Promise<{ readonly correctedProjections: number; readonly openStockFindings: number }> {
  const staleBefore = deps.now() - LOST_AFTER_MS;
  const suspects = everything
    ? await readAllSuspects(deps, staleBefore)
    : await readSuspects(deps, { staleBefore, limit: RECONCILE_LIMIT });
  const all: Reconciled[] = [];
  for (let start = 0; start < suspects.length; start += SWEEP_CONCURRENCY) {
    const group = suspects.slice(start, start + SWEEP_CONCURRENCY);
    all.push(...(await Promise.all(group.map((suspect) => reconcile(deps, suspect)))));
  }
  // One that could not be reached waits for its turn as well: it must not stand before the others in every sweep.
  const sound = all.filter(({ found }) => found?.isCompared === true && found.open.length === 0);
  if (all.length > 0) await markReconciled(deps, idsOf(all), idsOf(sound));
  return {
    correctedProjections: all.filter(({ found }) => (found?.mended.length ?? 0) > 0).length,
    openStockFindings: all.filter(({ found }) => (found?.open.length ?? 0) > 0).length,
  };
}

function idsOf(suspects: readonly Suspect[]): string[] {
  return suspects.map(({ productId }) => productId);
}

/** One object that is down must not keep the others from being looked at. */
async function reconcile(deps: InventoryDeps, suspect: Suspect): Promise<Reconciled> {
  if (!suspect.isWritten) return { ...suspect, found: NOTHING_AMISS };
  try {
    return { ...suspect, found: await deps.stock(suspect.productId).reconcile(suspect.isStale) };
  } catch (error) {
    log("warn", "reconciling a product failed", { productId: suspect.productId, error });
    return { ...suspect, found: undefined };
  }
}
