// The gateway's only RPC method, for the local door and operators' tools: all other calls come over HTTP.
import { WorkerEntrypoint } from "cloudflare:workers";
import { Call } from "#shared/call";
import { RunSweepsInput } from "#shared/contracts/messaging";
import type { SweepCounts } from "#shared/contracts/messaging";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { createDeps } from "./deps.ts";
import { runSweeps } from "./scheduled.ts";

export class GatewayRpc extends WorkerEntrypoint<GatewayEnv> {
  /** Compares all outboxes with all inboxes now. Idempotent. */
  async runSweeps(call: Call, input: { readonly everything: boolean }): Promise<Outcome<SweepCounts>> {
    const { everything } = RunSweepsInput.parse(input);
    return ok(await runSweeps(createDeps(this.env), Call.parse(call), everything));
  }
}
