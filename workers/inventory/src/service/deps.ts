// What the use cases work with: the database and queues, the Stock objects, and catalog.
import type { CatalogContract } from "#shared/contracts/catalog";
import { logCost } from "#shared/logger";
import { peer } from "#shared/rpc";
import type { Stock } from "../objects/stock.ts";
import { storeDeps } from "../store/deps.ts";
import type { StoreDeps } from "../store/deps.ts";

/** The calls that a Stock object answers. */
export type StockCalls = Pick<
  Stock,
  | "hold"
  | "refusalOf"
  | "undo"
  | "reserve"
  | "uncount"
  | "consume"
  | "release"
  | "takeBack"
  | "setThreshold"
  | "adjust"
  | "remembersAdjustment"
  | "level"
  | "describe"
  | "reconcile"
>;

export interface InventoryDeps extends StoreDeps {
  /** The object of a product, for exactly one call: each use is counted as one. */
  readonly stock: (productId: string) => StockCalls;
  readonly catalog: CatalogContract;
}

export function createDeps(env: InventoryEnv, ctx: Pick<ExecutionContext, "waitUntil">): InventoryDeps {
  return {
    ...storeDeps(env, ctx),
    stock: (productId) => {
      logCost({ objectCalls: 1 });
      return env.STOCK.getByName(productId);
    },
    catalog: peer<CatalogContract>(env.CATALOG),
  };
}
