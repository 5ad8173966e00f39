// Sweeps: what time and crashes leave behind. Each is idempotent, and may run beside itself.
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeInbox } from "#shared/inbox";
import { log } from "#shared/logger";
import { purgeOutbox } from "#shared/outbox";
import { runCron } from "#shared/worker";
import { PENDING_STALE_MS } from "./constants.ts";
import { createDeps } from "./service/deps.ts";
import type { InventoryDeps } from "./service/deps.ts";
import { releaseManualLines } from "./service/manual.ts";
import { reconcileStock } from "./service/reconciliation.ts";
import { writeShopThreshold } from "./store/levels.ts";
import { closeExpired, moveManual, readStalePending } from "./store/manual.ts";
import { purgeReservations } from "./store/purge.ts";

export async function sweep(deps: InventoryDeps, call: Call, everything: boolean): Promise<SweepCounts> {
  return {
    abandonedReservations: await releaseAbandoned(deps, call, everything),
    expiredReservations: await closeExpired(deps),
    changedThresholds: await writeShopThreshold(deps),
    ...(await reconcileStock(deps, everything)),
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
