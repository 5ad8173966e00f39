// The short form of the failure tests in e2e/chaos: lost responses and kills after a few durable steps, and a few orders under
// duplicates and disorder. e2e/recovery.test.ts has the kills under load; `npm run test:chaos` runs all of them at length.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CrashTest, tableOf } from "./chaos/crash.ts";
import type { Plan } from "./chaos/crash.ts";
import { ALL_FLOWS, disorder } from "./chaos/disorder.ts";
import { FLOWS } from "./chaos/flows.ts";

/** A shipment crosses the most Workers: Stripe, two ledgers, three queues. */
const SHORT = FLOWS.filter(({ name }) => name === "shipment with its capture");
const LOSE_EVERY = 4;
const KILL_AT = 2;
const ORDERS = 10;
/** One with a cart, one through every Worker, and two whose events overtake their causes. */
const DISORDERED = ALL_FLOWS.filter(({ name }) =>
  ["cart checkout", "shipment with its capture", "cancel after payment", "cancel at once", "pay at once"].includes(
    name,
  ),
);
const SEED = 20_263;
/** Some 15 s each on two free cores. */
const TIMEOUT_MS = 240_000;

describe("a flow that crashes after a durable step, once swept, ends as a clean run", () => {
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

describe("flows whose events and webhooks arrive several times and out of order", () => {
  it(
    "end in the same state",
    async () => {
      const { orders, wrong } = await disorder(ORDERS, SEED, DISORDERED);
      expect(orders).toBe(ORDERS);
      expect(wrong).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
