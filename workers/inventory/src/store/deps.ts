// What writing to D1 and relaying events needs, for the Worker and for its objects alike.
import { openDatabase } from "#shared/database";
import { parseLogLevel } from "#shared/logger";
import type { Deps } from "#shared/outbox";
import { WORKER } from "../constants.ts";

export interface StoreDeps extends Deps {
  /** The shop's default threshold, where a product has none of its own. */
  readonly lowStockThreshold: number;
}

export function storeDeps(env: InventoryEnv, ctx: Pick<ExecutionContext, "waitUntil">): StoreDeps {
  return {
    worker: WORKER,
    db: openDatabase(env.DB),
    queues: env,
    now: () => Date.now(),
    waitUntil: (work) => {
      ctx.waitUntil(work);
    },
    logLevel: parseLogLevel(env.LOG_LEVEL),
    lowStockThreshold: Number(env.LOW_STOCK_THRESHOLD),
  };
}
