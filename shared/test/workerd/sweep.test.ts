// A Worker's sweeps over its database: each stands alone.
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { systemCall } from "#shared/call";
import { commit, openDatabase } from "#shared/database";
import { returning, select } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { runSweeps } from "#shared/sweep";
import type { Sweep, SweepPlan } from "#shared/sweep";

const HOUR_MS = 3_600_000;
const call = systemCall("test", "cor_1");

function depsAt(now: number): Deps {
  return {
    worker: "test",
    db: openDatabase((env as unknown as { DB: D1Database }).DB),
    queues: {},
    now: () => now,
    waitUntil: () => {},
    logLevel: "off",
  };
}

/** In the second minute of an hour, when nothing is purged. */
const deps = depsAt(1_000_000 * HOUR_MS + 60_000);

const NAMES = ["first", "second", "third"] as const;

function planWith(poisoned: string | undefined, ran: string[]): SweepPlan<Deps> {
  const sweep =
    (name: string): Sweep<Deps> =>
    async () => {
      if (name === poisoned) throw new Error("poisoned");
      ran.push(name);
      return await Promise.resolve(1);
    };
  return { sweeps: Object.fromEntries(NAMES.map((name) => [name, sweep(name)])) };
}

async function findings(): Promise<readonly unknown[]> {
  return await deps.db.all(
    select(
      { subject: sql<string>`subject`, outcome: sql<string>`outcome`, times: sql<number>`times` },
      sql`FROM findings WHERE kind = 'sweep_failed' ORDER BY subject`,
    ),
  );
}

beforeEach(async () => {
  vi.spyOn(console, "error").mockReturnValue();
  await commit(deps.db, { findings: sql`DELETE FROM findings` });
});

describe("sweeps", () => {
  it.each(NAMES)("run all but the one that throws: %s", async (poisoned) => {
    const ran: string[] = [];
    const counts = await runSweeps(deps, planWith(poisoned, ran), { call, everything: false });
    const others = NAMES.filter((name) => name !== poisoned);
    expect(ran).toEqual(others);
    expect(counts).toMatchObject({ ...Object.fromEntries(others.map((name) => [name, 1])), failedSweeps: 1 });
    expect(counts).not.toHaveProperty(poisoned);
    expect(await findings()).toEqual([{ subject: poisoned, outcome: "open", times: 1 }]);
  });

  it("count one finding however often the same sweep fails, and close it when the sweep succeeds", async () => {
    const broken = planWith("second", []);
    await runSweeps(deps, broken, { call, everything: false });
    await runSweeps(deps, broken, { call, everything: false });
    expect(await findings()).toEqual([{ subject: "second", outcome: "open", times: 2 }]);
    expect(await runSweeps(deps, planWith(undefined, []), { call, everything: false })).not.toHaveProperty(
      "failedSweeps",
    );
    expect(await findings()).toEqual([{ subject: "second", outcome: "mended", times: 2 }]);
  });

  it("add up what several of them count under one name", async () => {
    const plan: SweepPlan<Deps> = {
      sweeps: { one: () => Promise.resolve({ found: 2 }), two: () => Promise.resolve({ found: 3 }) },
    };
    expect(await runSweeps(deps, plan, { call, everything: false })).toMatchObject({ found: 5 });
  });

  it("purge in the first minute of an hour, or when asked for everything", async () => {
    const plan: SweepPlan<Deps> = { sweeps: {}, purges: { own: () => Promise.resolve(2) } };
    const names = { own: 2, purgedEvents: 0, purgedInbox: 0, purgedAudit: 0, purgedFindings: 0, purgedDeadLetters: 0 };
    expect(await runSweeps(deps, plan, { call, everything: false })).not.toHaveProperty("own");
    expect(await runSweeps(deps, plan, { call, everything: true })).toMatchObject(names);
    const onTheHour = depsAt(1_000_001 * HOUR_MS);
    expect(await runSweeps(onTheHour, plan, { call, everything: false })).toMatchObject(names);
  });
});

it("a write answers with the rows it wrote, typed and by name", async () => {
  const { results } = await commit(deps.db, {
    written: returning(
      sql`INSERT INTO findings (kind, subject, details, outcome, first_found_at, last_found_at)
        VALUES ('k', 's', '{}', 'open', 1, 2)`,
      { subject: sql<string>`subject` },
    ),
    none: [],
    several: [sql`UPDATE findings SET times = 3 WHERE kind = 'k'`, sql`SELECT 1 AS one`],
  });
  expect(results.written).toEqual({ rows: [{ subject: "s" }], changes: 1 });
  expect(results.none).toEqual([]);
  expect(results.several.map(({ changes }) => changes)[0]).toBe(1);
  expect(results.several[1]?.rows).toEqual([{ one: 1 }]);
});
