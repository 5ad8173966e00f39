// The catalog's sweeps: only the log of events and the inbox need clearing.
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeInbox } from "#shared/inbox";
import { withInvocation } from "#shared/logger";
import { newId } from "#shared/ids";
import { purgeOutbox } from "#shared/outbox";
import { createDeps } from "./service/deps.ts";
import type { CatalogDeps } from "./service/deps.ts";

export async function sweep(deps: CatalogDeps): Promise<SweepCounts> {
  return { purgedEvents: await purgeOutbox(deps), purgedInbox: await purgeInbox(deps) };
}

export async function runScheduled(env: CatalogEnv, ctx: ExecutionContext): Promise<void> {
  const deps = createDeps(env, ctx);
  const invocation = { worker: deps.worker, operation: "scheduled", correlationId: newId("req"), level: deps.logLevel };
  await withInvocation(invocation, () => sweep(deps));
}
