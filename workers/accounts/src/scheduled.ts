// The daily sweeps: expired sessions, signing keys, old events.
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { newId } from "#shared/ids";
import { log, withInvocation } from "#shared/logger";
import { purgeOutbox } from "#shared/outbox";
import { createDeps } from "./service/deps.ts";
import type { AccountsDeps } from "./service/deps.ts";
import { purgeKeys, rotateKeys } from "./service/keys.ts";
import { purgeSessions } from "./store/sessions.ts";

/** `everything` makes the next signing key whatever the age of the present one; the rest has no back-off to ignore. */
export async function sweep(deps: AccountsDeps, _call: Call, everything: boolean): Promise<SweepCounts> {
  return {
    signingKeysMade: await rotateKeys(deps, everything),
    signingKeysPurged: await purgeKeys(deps),
    refreshTokensPurged: await purgeSessions(deps),
    eventsPurged: await purgeOutbox(deps),
  };
}

export async function runCron(env: AccountsEnv, ctx: ExecutionContext): Promise<void> {
  const deps = createDeps(env, ctx);
  const call = systemCall("accounts-cron", newId("req"));
  await withInvocation(
    { worker: deps.worker, operation: "scheduled", correlationId: call.correlationId, level: deps.logLevel },
    async () => {
      log("debug", "swept", { ...(await sweep(deps, call, false)) });
    },
  );
}
