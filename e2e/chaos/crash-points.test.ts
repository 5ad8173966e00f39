// A crash after each durable step of each flow does not change how the flow ends. Every step of every flow loses its response; a kill
// happens after every step, but only in the first of the flows that share it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CrashTest, tableOf } from "./crash.ts";
import type { Plan } from "./crash.ts";
import { FLOWS } from "./flows.ts";

/** `CHAOS_KILLS=off` tests the lost responses only, without a restart of the runtime for each step. */
const WITH_KILLS = process.env["CHAOS_KILLS"] !== "off";
/** Timing may merge two steps, so not every fault happens. */
const MIN_MET_SHARE = 0.85;

describe("a flow that crashes after a durable step, once swept, ends as a clean run", () => {
  let crash: CrashTest;
  const killed = new Set<string>();

  const plan: Plan = (step) => {
    const label = `${step.worker}: ${step.name}`;
    if (!WITH_KILLS || killed.has(label)) return ["throw"];
    killed.add(label);
    return ["throw", "kill"];
  };

  beforeAll(async () => {
    crash = await CrashTest.open();
  });

  afterAll(async () => {
    console.log(tableOf(crash.attempts));
    await crash.close();
  });

  it.each(FLOWS)("$name is interrupted", async (flow) => {
    expect(await crash.stopEverywhere(flow, plan)).toBeGreaterThan(0);
  });

  it("every repeated request is accepted", async () => {
    expect(await crash.recover()).toEqual([]);
  });

  it.each(FLOWS)("$name ends as the clean run", async (flow) => {
    expect(await crash.differences(flow)).toEqual([]);
  });

  it("there are no dead letters or second intents", async () => {
    expect(await crash.leftovers()).toEqual([]);
    const met = crash.attempts.filter(({ isMet }) => isMet).length;
    expect(met / crash.attempts.length).toBeGreaterThan(MIN_MET_SHARE);
  });
});
