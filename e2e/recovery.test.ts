// Kills the server under load and starts it again on the same data. The local queues are lost with it, so every event that arrives later
// comes from the outbox. `npm run test:chaos` does this many more times.
import { expect, it } from "vitest";
import { figuresOf, killLoop } from "./chaos/kill-loop.ts";

/** The second kill meets what the first one left. */
const ROUNDS = 2;
const SEED = 20_264;

it("SIGKILL under load loses and doubles no order, payment, stock or event", async () => {
  const result = await killLoop(ROUNDS, SEED);
  expect(result.audit.wrong, figuresOf(result)).toEqual([]);
  expect(result.audit.orders).toBeGreaterThan(0);
}, 300_000);
