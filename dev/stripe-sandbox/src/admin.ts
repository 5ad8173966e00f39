// What setup and test scripts may do besides calling Stripe's API. An entrypoint for bindings only, never reachable over HTTP.
import { WorkerEntrypoint } from "cloudflare:workers";
import type { ImportedPayment } from "./import.ts";
import { ledgerOf } from "./router.ts";

export class SandboxAdmin extends WorkerEntrypoint<SandboxEnv> {
  /** Adds payments made earlier; idempotent by their ids. Returns how many were new. */
  async importPayments(payments: readonly ImportedPayment[]): Promise<number> {
    return await ledgerOf(this.env).importPayments(payments);
  }

  /** Deletes everything: objects, events, deliveries, idempotency keys and fault switches. */
  async reset(): Promise<void> {
    await ledgerOf(this.env).reset();
  }
}
