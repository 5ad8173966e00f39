// The queue before scrypt. workerd computes a hash on the isolate's one thread, 200 ms during which nothing else runs there, whichever
// form of scrypt is called. So hashes wait for their turn here: see domain/fair-queue.ts and ADR 23.
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { FairQueue } from "../domain/fair-queue.ts";
import type { QueueRules } from "../domain/fair-queue.ts";

const BUSY = fail("service_unavailable", "Many people are signing in at this moment. Try again in a few seconds.");

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
   * Runs `hash`, which must not wait for anything, when it is the network's turn. Fails with service_unavailable when the queue is
   * full or the wait was too long. Every request looks for itself and by its own timer: one that has ended is waited for by nobody.
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
    log("warn", "a hash was refused", { waiting: this.#queue.waiting });
    return BUSY;
  }
}
