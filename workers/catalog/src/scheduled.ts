// The catalog's sweeps: the log of events and the inbox are cleared, and objects of the bucket that no picture points to.
import type { SweepPlan } from "#shared/sweep";
import { runCron } from "#shared/worker";
import { createDeps } from "./service/deps.ts";
import type { CatalogDeps } from "./service/deps.ts";
import { purgeLooseObjects } from "./service/images.ts";

export const plan: SweepPlan<CatalogDeps> = {
  sweeps: { purgedObjects: (deps, { everything }) => purgeLooseObjects(deps, { everything }) },
};

export async function runScheduled(env: CatalogEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), plan);
}
