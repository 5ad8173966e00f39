// The gateway's cron: the one sweep that needs every Worker.
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { newId } from "#shared/ids";
import { log, withInvocation } from "#shared/logger";
import type { GatewayDeps } from "./deps.ts";
import { sweepOutboxes } from "./sweep.ts";

/** Runs the sweeps as one logged invocation. */
export async function runSweeps(deps: GatewayDeps, call: Call, everything: boolean): Promise<SweepCounts> {
  const { correlationId, requestId } = call;
  const { logLevel, now } = deps.settings;
  return await withInvocation(
    { worker: "gateway", operation: "sweep", correlationId, requestId, level: logLevel },
    async () => {
      const counts = await sweepOutboxes(deps, call, everything, now());
      const isNews = (counts["resent"] ?? 0) > 0 || (counts["unreachable"] ?? 0) > 0;
      log(isNews ? "info" : "debug", "outboxes compared", counts);
      return counts;
    },
  );
}

export async function runScheduled(deps: GatewayDeps): Promise<void> {
  await runSweeps(deps, systemCall("gateway", newId("req")), false);
}
