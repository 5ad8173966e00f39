// What the use cases work with: the database and queues, the Stock objects, and catalog.
import type { CatalogContract } from "#shared/contracts/catalog";
import { logCost } from "#shared/logger";
import { peer } from "#shared/rpc";
import { stockDeps } from "../objects/stock.ts";
import type { Stock, StockDeps } from "../objects/stock.ts";

/** The calls that a Stock object answers. */
export type StockCalls = Omit<Stock, keyof DurableObject>;

export interface InventoryDeps extends StockDeps {
  /** The object of a product, for exactly one call: each use is counted as one. */
  readonly stock: (productId: string) => StockCalls;
  readonly catalog: CatalogContract;
}

export function createDeps(env: InventoryEnv, ctx: Pick<ExecutionContext, "waitUntil">): InventoryDeps {
  return {
    ...stockDeps(env, ctx),
    stock: (productId) => {
      logCost({ objectCalls: 1 });
      return env.STOCK.getByName(productId);
    },
    catalog: peer<CatalogContract>(env.CATALOG),
  };
}
