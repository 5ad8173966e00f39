// What writing to D1 and relaying events needs, for the Worker and for its objects alike.
import { baseDeps } from "#shared/outbox";
import type { Deps } from "#shared/outbox";
import { WORKER } from "../constants.ts";

export interface StoreDeps extends Deps {
  /** The shop's default threshold, where a product has none of its own. */
  readonly lowStockThreshold: number;
}

export function storeDeps(env: InventoryEnv, ctx: Pick<ExecutionContext, "waitUntil">): StoreDeps {
  return {
    ...baseDeps(WORKER, env, ctx),
    lowStockThreshold: Number(env.LOW_STOCK_THRESHOLD),
  };
}
