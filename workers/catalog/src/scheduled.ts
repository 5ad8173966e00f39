// The catalog's sweeps: the log of events and the inbox are cleared, and objects of the bucket that no picture points to.
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeInbox } from "#shared/inbox";
import { purgeOutbox } from "#shared/outbox";
import { runCron } from "#shared/worker";
import { createDeps } from "./service/deps.ts";
import type { CatalogDeps } from "./service/deps.ts";
import { purgeLooseObjects } from "./service/images.ts";

export async function sweep(deps: CatalogDeps, _call: Call, everything: boolean): Promise<SweepCounts> {
  return {
    purgedEvents: await purgeOutbox(deps),
    purgedInbox: await purgeInbox(deps),
    purgedObjects: await purgeLooseObjects(deps, everything),
  };
}

export async function runScheduled(env: CatalogEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), sweep);
}
