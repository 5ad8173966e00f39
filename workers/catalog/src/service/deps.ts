// What the catalog's use cases need, from the Worker's bindings.
import { baseDeps } from "#shared/outbox";
import type { Deps } from "#shared/outbox";
import { RECENT_MAX_ENTRIES, RECENT_TTL_MS } from "../constants.ts";
import { Recent } from "../domain/recent.ts";

export interface CatalogDeps extends Deps {
  /** Answers of the last moments, for what is only shown. */
  readonly recent: Recent;
}

/** One for the isolate: that is what makes it worth having. */
const recent = new Recent(RECENT_TTL_MS, RECENT_MAX_ENTRIES);

export function createDeps(env: CatalogEnv, ctx: Pick<ExecutionContext, "waitUntil">): CatalogDeps {
  return {
    ...baseDeps("catalog", env, ctx),
    recent,
  };
}

/** The recent answer under this key, or a new one, which is then kept. Only what is found is kept: see `undefined`. */
export async function remembered<T>(
  deps: CatalogDeps,
  key: string,
  read: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const known = deps.recent.get<T>(key, deps.now());
  if (known !== undefined) return known;
  const value = await read();
  if (value !== undefined) deps.recent.set(key, value, deps.now());
  return value;
}
