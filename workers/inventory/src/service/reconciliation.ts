// Reconciliation: the copies in D1 against the Stock objects, some products in each sweep, those longest not looked at first. The
// objects compare, mend and write the findings; here is whose turn it is.
import { log } from "#shared/logger";
import { LOST_AFTER_MS, RECONCILE_LIMIT, SWEEP_CONCURRENCY } from "../constants.ts";
import { NO_DIFFERENCES } from "../objects/reconciliation.ts";
import type { Reconciliation } from "../objects/reconciliation.ts";
import { markReconciled, readAllCandidates, readCandidates } from "../store/sweeps.ts";
import type { Candidate } from "../store/sweeps.ts";
import type { InventoryDeps } from "./deps.ts";

type Reconciled = Candidate & { readonly found: Reconciliation | undefined };

/** Products whose copy was mended, and those that somebody has to look at. `everything` takes all products at once. */
export async function reconcileStock(
  deps: InventoryDeps,
  { everything }: { readonly everything: boolean },
): Promise<{ readonly correctedProjections: number; readonly openStockFindings: number }> {
  const staleBefore = deps.now() - LOST_AFTER_MS;
  const candidates = everything
    ? await readAllCandidates(deps, staleBefore)
    : await readCandidates(deps, { staleBefore, limit: RECONCILE_LIMIT });
  const all: Reconciled[] = [];
  for (let start = 0; start < candidates.length; start += SWEEP_CONCURRENCY) {
    const group = candidates.slice(start, start + SWEEP_CONCURRENCY);
    all.push(...(await Promise.all(group.map((candidate) => reconcile(deps, candidate)))));
  }
  // One that could not be reached waits for its turn as well: it must not stand before the others in every sweep.
  const sound = all.filter(({ found }) => found?.isCompared === true && found.open.length === 0);
  if (all.length > 0) await markReconciled(deps, idsOf(all), idsOf(sound));
  return {
    correctedProjections: all.filter(({ found }) => (found?.mended.length ?? 0) > 0).length,
    openStockFindings: all.filter(({ found }) => (found?.open.length ?? 0) > 0).length,
  };
}

function idsOf(candidates: readonly Candidate[]): string[] {
  return candidates.map(({ productId }) => productId);
}

/** One object that is down must not keep the others from being looked at. */
async function reconcile(deps: InventoryDeps, candidate: Candidate): Promise<Reconciled> {
  if (!candidate.isWritten) return { ...candidate, found: NO_DIFFERENCES };
  try {
    return { ...candidate, found: await deps.stock(candidate.productId).reconcile({ isStale: candidate.isStale }) };
  } catch (error) {
    log("warn", "reconciling a product failed", { productId: candidate.productId, error });
    return { ...candidate, found: undefined };
  }
}
