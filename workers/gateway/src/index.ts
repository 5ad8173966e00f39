// The gateway: the one public entrance. Wiring only.
import { WorkerEntrypoint } from "cloudflare:workers";
import { Call, systemCall } from "#shared/call";
import { RunSweepsInput } from "#shared/contracts/messaging";
import type { SweepCounts } from "#shared/contracts/messaging";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { log, withInvocation } from "#shared/logger";
import { ok } from "#shared/result";
import { createApp } from "./app.ts";
import { createDeps } from "./deps.ts";
import type { GatewayDeps } from "./deps.ts";
import { sweepOutboxes } from "./sweep.ts";

/** Made by the isolate's first request and kept, with its caches of keys, tokens and public answers. */
let app: ReturnType<typeof createApp> | undefined;

export default {
  fetch(request, env, ctx) {
    app ??= createApp(createDeps(env));
    return app.fetch(request, env, ctx);
  },
  async scheduled(_controller, env) {
    await runSweeps(createDeps(env), { call: systemCall("gateway", newId("req")), everything: false });
  },
} satisfies ExportedHandler<GatewayEnv>;

/** The gateway's only RPC method, for the local door and operators' tools. All other calls come over HTTP. */
export class GatewayRpc extends WorkerEntrypoint<GatewayEnv> {
  /** Compares all outboxes with all inboxes now. Idempotent. */
  async runSweeps(call: Call, input: { readonly everything: boolean }): Promise<Outcome<SweepCounts>> {
    const { everything } = RunSweepsInput.parse(input);
    return ok(await runSweeps(createDeps(this.env), { call: Call.parse(call), everything }));
  }
}

/** The gateway's one sweep, as a logged invocation. */
async function runSweeps(
  deps: GatewayDeps,
  { call, everything }: { readonly call: Call; readonly everything: boolean },
): Promise<SweepCounts> {
  const { correlationId, requestId } = call;
  const { logLevel, now } = deps.settings;
  return await withInvocation(
    { worker: "gateway", operation: "sweep", correlationId, requestId, level: logLevel },
    async () => {
      const counts = await sweepOutboxes(deps, { call, everything, now: now() });
      const hasFound = (counts["resent"] ?? 0) > 0 || (counts["unreachable"] ?? 0) > 0;
      log(hasFound ? "info" : "debug", "outboxes compared", counts);
      return counts;
    },
  );
}
