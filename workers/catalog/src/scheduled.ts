// The catalog's sweeps: only the log of events and the inbox need clearing.
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeInbox } from "#shared/inbox";
import { purgeOutbox } from "#shared/outbox";
import { runCron } from "#shared/worker";
import { createDeps } from "./service/deps.ts";
import type { CatalogDeps } from "./service/deps.ts";

export async function sweep(deps: CatalogDeps): Promise<SweepCounts> {
  return { purgedEvents: await purgeOutbox(deps), purgedInbox: await purgeInbox(deps) };
}

export async function runScheduled(env: CatalogEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), sweep);
}
