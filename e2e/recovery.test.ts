// The server is killed, not stopped, under load, and started again on the same data. The local queue forgets everything then,
// so what arrives afterwards came out of the outbox. `npm run test:chaos` does this many more times.
import { expect, it } from "vitest";
import { figuresOf, killLoop } from "./chaos/kill-loop.ts";

const ROUNDS = 3;
const SEED = 20_264;

it("kill -9 under load loses no order, payment, stock or event, and doubles none", async () => {
  const result = await killLoop(ROUNDS, SEED);
  expect(result.audit.wrong, figuresOf(result)).toEqual([]);
  expect(result.audit.orders).toBeGreaterThan(0);
}, 300_000);
