// The catalog's own sweep: loose objects of the bucket, which no picture points to.
import { runCron } from "#shared/sweep";
import type { SweepPlan } from "#shared/sweep";
import { createDeps } from "./service/deps.ts";
import type { CatalogDeps } from "./service/deps.ts";
import { purgeLooseObjects } from "./service/images.ts";

export const plan: SweepPlan<CatalogDeps> = {
  sweeps: { purgedObjects: purgeLooseObjects },
};

export async function runScheduled(env: CatalogEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), plan);
}
