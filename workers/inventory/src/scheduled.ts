// What runs by cron. Each sweep is idempotent, and two runs at the same time do no harm.
import { runCron } from "#shared/sweep";
import type { SweepPlan } from "#shared/sweep";
import { createDeps } from "./service/deps.ts";
import type { InventoryDeps } from "./service/deps.ts";
import { releaseAbandoned } from "./service/manual.ts";
import { reconcileStock } from "./service/reconciliation.ts";
import { closeExpired } from "./store/manual.ts";
import { addUpReserved, purgeReservations, writeShopThreshold } from "./store/sweeps.ts";

export const plan: SweepPlan<InventoryDeps> = {
  sweeps: {
    abandonedReservations: releaseAbandoned,
    expiredReservations: closeExpired,
    changedThresholds: (deps) => writeShopThreshold(deps, deps.lowStockThreshold),
    reconciliation: reconcileStock,
  },
  purges: { purgedReservations: purgeReservations, addedUp: addUpReserved },
};

export async function runScheduled(env: InventoryEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), plan);
}
