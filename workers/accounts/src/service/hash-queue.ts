// The queue in front of scrypt. Every form of scrypt in workerd blocks the isolate's one thread for some 200 ms, so hashes run one
// at a time, in the order of domain/fair-queue.ts. Why: docs/adr/023-sign-in-under-attack.md.
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { FairQueue } from "../domain/fair-queue.ts";
import type { QueueRules } from "../domain/fair-queue.ts";

const BUSY = fail("service_unavailable", "Too many people are signing in at the moment. Try again in a few seconds.");

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

export class HashQueue {
  readonly #queue: FairQueue;

  constructor(rules: QueueRules) {
    this.#queue = new FairQueue(rules);
  }

  /**
   * Runs `hash`, which must be synchronous, when it is the network's turn. Each request polls with a timer of its own, so a request
   * that the runtime ends blocks no other. Fails with service_unavailable when the queue is full or the wait too long.
   */
  async run<T>(network: string, hash: () => T): Promise<Outcome<T>> {
    const ticket = this.#queue.join(network, Date.now());
    if (ticket === undefined) return this.#refuse();
    for (;;) {
      const state = this.#queue.poll(ticket, Date.now());
      if (state.kind === "now") {
        const value = hash();
        await pause(0);
        this.#queue.startRest(Date.now());
        return ok(value);
      }
      if (state.kind === "refused") return this.#refuse();
      await pause(state.pollAgainInMs);
    }
  }

  #refuse(): typeof BUSY {
    log("warn", "the hash queue refused a request", { waiting: this.#queue.waiting });
    return BUSY;
  }
}
