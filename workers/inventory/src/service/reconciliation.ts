// Reconciliation of D1 with the Stock objects: some products in each sweep, those compared longest ago first. The objects compare,
// repair and write the findings (objects/reconciliation.ts); this decides whose turn it is.
import { mapConcurrent } from "#shared/concurrency";
import { log } from "#shared/logger";
import { LOST_AFTER_MS, RECONCILE_LIMIT, RECONCILE_PAUSE_MS, SWEEP_CONCURRENCY } from "../constants.ts";
import { NO_DIFFERENCES } from "../objects/reconciliation.ts";
import type { Reconciliation } from "../objects/reconciliation.ts";
import { markReconciled, readAllCandidates, readCandidates } from "../store/sweeps.ts";
import type { Candidate } from "../store/sweeps.ts";
import type { InventoryDeps } from "./deps.ts";

type Reconciled = Candidate & { readonly found: Reconciliation | undefined };

/** Returns how many copies were repaired, and how many products have an open finding. `everything`: all products at once. */
export async function reconcileStock(
  deps: InventoryDeps,
  { everything }: { readonly everything: boolean },
): Promise<{ readonly correctedProjections: number; readonly openStockFindings: number }> {
  const now = deps.now();
  const staleBefore = now - LOST_AFTER_MS;
  const candidates = everything
    ? await readAllCandidates(deps, staleBefore)
    : await readCandidates(deps, { staleBefore, comparedBefore: now - RECONCILE_PAUSE_MS, limit: RECONCILE_LIMIT });
  const all = await mapConcurrent(candidates, { concurrency: SWEEP_CONCURRENCY }, (candidate) =>
    reconcile(deps, candidate),
  );
  // A product whose object failed waits for its next turn too, so that it does not come first in every sweep.
  const consistent = all.filter(({ found }) => found?.isCompared === true && found.open.length === 0);
  if (all.length > 0) await markReconciled(deps, idsOf(all), idsOf(consistent));
  return {
    correctedProjections: all.filter(({ found }) => (found?.mended.length ?? 0) > 0).length,
    openStockFindings: all.filter(({ found }) => (found?.open.length ?? 0) > 0).length,
  };
}

function idsOf(candidates: readonly Candidate[]): string[] {
  return candidates.map(({ productId }) => productId);
}

/** An object that fails does not stop the others. */
async function reconcile(deps: InventoryDeps, candidate: Candidate): Promise<Reconciled> {
  if (!candidate.isWritten) return { ...candidate, found: NO_DIFFERENCES };
  try {
    return { ...candidate, found: await deps.stock(candidate.productId).reconcile({ isStale: candidate.isStale }) };
  } catch (error) {
    log("warn", "reconciling a product failed", { productId: candidate.productId, error });
    return { ...candidate, found: undefined };
  }
}
