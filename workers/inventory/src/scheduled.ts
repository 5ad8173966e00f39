// What runs by cron. Each sweep is idempotent, and two runs at the same time do no harm.
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeInbox } from "#shared/inbox";
import { purgeOutbox } from "#shared/outbox";
import { runCron } from "#shared/worker";
import { createDeps } from "./service/deps.ts";
import type { InventoryDeps } from "./service/deps.ts";
import { releaseAbandoned } from "./service/manual.ts";
import { reconcileStock } from "./service/reconciliation.ts";
import { closeExpired } from "./store/manual.ts";
import { purgeReservations, writeShopThreshold } from "./store/sweeps.ts";

export async function sweep(deps: InventoryDeps, call: Call, everything: boolean): Promise<SweepCounts> {
  return {
    abandonedReservations: await releaseAbandoned(deps, call, { everything }),
    expiredReservations: await closeExpired(deps),
    changedThresholds: await writeShopThreshold(deps, deps.lowStockThreshold),
    ...(await reconcileStock(deps, { everything })),
    purgedReservations: await purgeReservations(deps),
    purgedEvents: await purgeOutbox(deps),
    purgedInbox: await purgeInbox(deps),
  };
}

/** The cron of each minute. */
export async function runScheduled(env: InventoryEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), sweep);
}
