// What the catalog's use cases need, from the Worker's bindings.
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { RECENT_MAX_ENTRIES, RECENT_TTL_MS } from "../constants.ts";
import { Recent } from "../domain/recent.ts";

export interface CatalogDeps extends Deps {
  /** Prices of the last moments, for carts that only show them. */
  readonly recent: Recent;
  /** What uploaded pictures are kept in. */
  readonly images: Pick<R2Bucket, "put" | "get" | "delete">;
  /** The only currency there is, ISO 4217. */
  readonly currency: string;
}

/** One for the isolate: that is what makes it worth having. */
const recent = new Recent(RECENT_TTL_MS, RECENT_MAX_ENTRIES);

export function createDeps(env: CatalogEnv, ctx: Pick<ExecutionContext, "waitUntil">): CatalogDeps {
  return {
    ...baseDeps("catalog", env, ctx),
    recent,
    images: env.IMAGES,
    currency: env.SHOP_CURRENCY,
  };
}
