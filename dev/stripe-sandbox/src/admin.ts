// What the scripts that set up and test the local shop may do beside Stripe's API. Never reachable over HTTP.
import { WorkerEntrypoint } from "cloudflare:workers";
import type { ImportedPayment } from "./import.ts";
import { ledgerOf } from "./router.ts";

export class SandboxAdmin extends WorkerEntrypoint<SandboxEnv> {
  /** Adds payments made before; idempotent by their ids. Answers how many were new. */
  async importPayments(payments: readonly ImportedPayment[]): Promise<number> {
    return await ledgerOf(this.env).importPayments(payments);
  }

  /** Forgets everything: objects, events, deliveries, keys and fault switches. */
  async reset(): Promise<void> {
    await ledgerOf(this.env).reset();
  }
}
