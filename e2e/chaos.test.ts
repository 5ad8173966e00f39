// The failure tests of e2e/chaos in short: answers lost and the runtime killed at a few durable steps, and a handful of orders
// under duplicates and disorder. Kills under load are in recovery.test.ts; `npm run test:chaos` does all of them at length.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CrashTest, tableOf } from "./chaos/crash.ts";
import type { Plan } from "./chaos/crash.ts";
import { STORIES, disorder } from "./chaos/disorder.ts";
import { FLOWS } from "./chaos/flows.ts";

/** The steps of a shipment cross the most Workers: Stripe, two ledgers, three queues. */
const SHORT = FLOWS.filter(({ name }) => name === "shipment with its capture");
const LOSE_EVERY = 4;
const KILL_AT = 2;
const ORDERS = 10;
/** The first needs the cart, the second everything, and the last two overtake their own events. */
const TOLD = STORIES.filter(({ name }) =>
  ["cart checkout", "shipment with its capture", "cancel after payment", "cancel at once", "pay at once"].includes(
    name,
  ),
);
const SEED = 20_263;
/** Some 15 s each on two free cores. */
const TIMEOUT_MS = 240_000;

describe("a crash after a durable step, swept up, ends as a clean run does", () => {
  let crash: CrashTest;
  const plan: Plan = (_step, index) => (index === KILL_AT ? ["kill"] : index % LOSE_EVERY === 0 ? ["throw"] : []);

  beforeAll(async () => {
    crash = await CrashTest.open();
  });

  afterAll(async () => {
    await crash.close();
  });

  it.each(SHORT)(
    "$name",
    async (flow) => {
      expect(await crash.stopEverywhere(flow, plan), tableOf(crash.attempts)).toBeGreaterThan(0);
      expect(await crash.recover()).toEqual([]);
      expect(await crash.differences(flow)).toEqual([]);
      expect(await crash.leftovers()).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

describe("events and webhooks that come doubled and in disorder", () => {
  it(
    "end in the same state",
    async () => {
      const { orders, wrong } = await disorder(ORDERS, SEED, TOLD);
      expect(orders).toBe(ORDERS);
      expect(wrong).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
