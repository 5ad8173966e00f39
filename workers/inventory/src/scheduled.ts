// Sweeps: what time and crashes leave behind. Each is idempotent, and may run beside itself.
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeInbox } from "#shared/inbox";
import { log } from "#shared/logger";
import { purgeOutbox } from "#shared/outbox";
import { runCron } from "#shared/worker";
import { PENDING_STALE_MS, RECONCILE_LIMIT, RECONCILE_WINDOW_MS, SWEEP_CONCURRENCY } from "./constants.ts";
import { createDeps } from "./service/deps.ts";
import type { InventoryDeps } from "./service/deps.ts";
import { releaseManualLines } from "./service/manual.ts";
import { readProjections } from "./store/levels.ts";
import { closeExpired, moveManual, readStalePending } from "./store/manual.ts";
import { purgeReservations } from "./store/purge.ts";

export async function sweep(deps: InventoryDeps, call: Call, everything: boolean): Promise<SweepCounts> {
  return {
    abandonedReservations: await releaseAbandoned(deps, call, everything),
    expiredReservations: await closeExpired(deps),
    correctedProjections: await reconcileProjections(deps, everything),
    purgedReservations: await purgeReservations(deps),
    purgedEvents: await purgeOutbox(deps),
    purgedInbox: await purgeInbox(deps),
  };
}

/** The cron of each minute. */
export async function runScheduled(env: InventoryEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), sweep);
}

/** Manual reservations that a crash left between their row and their last hold. */
async function releaseAbandoned(deps: InventoryDeps, call: Call, everything: boolean): Promise<number> {
  const rows = await readStalePending(deps, everything ? deps.now() : deps.now() - PENDING_STALE_MS);
  let released = 0;
  for (const row of rows) {
    try {
      await releaseManualLines(deps, call, row);
      await moveManual(deps, row, ["pending"], "released");
      released += 1;
    } catch (error) {
      // One product whose object is down must not keep the other sweeps from running.
      log("warn", "a reservation is left to the next sweep", { owner: row.owner, error });
    }
  }
  return released;
}

/** Has the objects bring their projections up to date; those that needed it are counted. */
async function reconcileProjections(deps: InventoryDeps, everything: boolean): Promise<number> {
  const now = deps.now();
  const projections = await readProjections(deps, {
    since: everything ? 0 : now - RECONCILE_WINDOW_MS,
    expiredBefore: now,
    limit: everything ? Number.MAX_SAFE_INTEGER : RECONCILE_LIMIT,
  });
  let corrected = 0;
  for (let start = 0; start < projections.length; start += SWEEP_CONCURRENCY) {
    const group = projections.slice(start, start + SWEEP_CONCURRENCY);
    const answers = await Promise.all(group.map((projection) => reconcile(deps, projection)));
    corrected += answers.filter(Boolean).length;
  }
  return corrected;
}

/** One object that is down must not keep the others from being looked at. */
async function reconcile(
  deps: InventoryDeps,
  { productId, sequence }: { productId: string; sequence: number },
): Promise<boolean> {
  try {
    return await deps.stock(productId).reconcile(sequence);
  } catch (error) {
    log("warn", "reconciling a projection failed", { productId, error });
    return false;
  }
}
