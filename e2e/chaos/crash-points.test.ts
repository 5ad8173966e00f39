// A crash after each durable step of each flow: the same end as without. Lost answers at every step of every flow; a kill at every
// step, at one that several flows have in the first of them.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CrashTest, tableOf } from "./crash.ts";
import type { Plan } from "./crash.ts";
import { FLOWS } from "./flows.ts";

/** `CHAOS_KILLS=off` leaves the lost answers, which are quicker than starting the runtime anew for each point. */
const WITH_KILLS = process.env["CHAOS_KILLS"] !== "off";
/** Timing may join two steps; most have to have been met. */
const MET_AT_LEAST = 0.85;

describe("a crash after any durable step, swept up, ends as a clean run does", () => {
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

  it.each(FLOWS)("stops: $name", async (flow) => {
    expect(await crash.stopEverywhere(flow, plan)).toBeGreaterThan(0);
  });

  it("recovers", async () => {
    expect(await crash.recover()).toEqual([]);
  });

  it.each(FLOWS)("ends: $name", async (flow) => {
    expect(await crash.differences(flow)).toEqual([]);
  });

  it("leaves nothing behind", async () => {
    expect(await crash.leftovers()).toEqual([]);
    const met = crash.attempts.filter(({ isMet }) => isMet).length;
    expect(met / crash.attempts.length).toBeGreaterThan(MET_AT_LEAST);
  });
});
