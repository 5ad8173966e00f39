// What writing to D1 and relaying events needs, for the Worker and for its objects alike.
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { WORKER } from "../constants.ts";

export interface StoreDeps extends Deps {
  /** The shop's default threshold, where a product has none of its own. */
  readonly lowStockThreshold: number;
  /** The share of a product that buyers without proof may hold together, 0 to 100. */
  readonly unprovenSharePercent: number;
}

/** A whole percentage. A setting that is none stops the Worker: guessing would refuse buyers, or let everything be held. */
function percentSetting(name: string, value: string): number {
  const percent = Number(value);
  if (!/^\d+$/.test(value) || percent > 100) {
    throw new Error(`${name} must be a whole number from 0 to 100`);
  }
  return percent;
}

export function storeDeps(env: InventoryEnv, ctx: Pick<ExecutionContext, "waitUntil">): StoreDeps {
  return {
    ...baseDeps(WORKER, env, ctx),
    lowStockThreshold: Number(env.LOW_STOCK_THRESHOLD),
    unprovenSharePercent: percentSetting("UNPROVEN_SHARE_PERCENT", env.UNPROVEN_SHARE_PERCENT),
  };
}
