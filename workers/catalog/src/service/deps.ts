// What the catalog's use cases need, from the Worker's bindings.
import type { PricedProduct } from "#shared/contracts/catalog";
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { PRICE_CACHE_MAX_ENTRIES, PRICE_CACHE_TTL_MS } from "../constants.ts";
import { TtlCache } from "../domain/ttl-cache.ts";

export interface CatalogDeps extends Deps {
  /** Prices for carts that only display them, by product id. */
  readonly prices: TtlCache<PricedProduct>;
  /** The bucket of uploaded pictures. */
  readonly images: Pick<R2Bucket, "put" | "get" | "delete">;
  /** The shop's only currency, ISO 4217. */
  readonly currency: string;
}

/** One per isolate. */
const prices = new TtlCache<PricedProduct>(PRICE_CACHE_TTL_MS, PRICE_CACHE_MAX_ENTRIES);

export function createDeps(env: CatalogEnv, ctx: Pick<ExecutionContext, "waitUntil">): CatalogDeps {
  return {
    ...baseDeps("catalog", env, ctx),
    prices,
    images: env.IMAGES,
    currency: env.SHOP_CURRENCY,
  };
}
