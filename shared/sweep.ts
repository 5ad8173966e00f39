// Sweeps: what a Worker does by the clock. Each is idempotent and stands alone: one that fails is logged, recorded as a finding and
// tried again by the next run, and the others run all the same.
import { systemCall } from "./call.ts";
import type { Call } from "./call.ts";
import { mapConcurrent } from "./concurrency.ts";
import type { SweepCounts } from "./contracts/messaging.ts";
import { commit } from "./database.ts";
import { forgetDeadLetters, resendReplays } from "./dead-letters.ts";
import type { Deps } from "./deps.ts";
import { findingInsert, findingsMended } from "./findings.ts";
import { newId } from "./ids.ts";
import { purgeInbox, purgeOutbox } from "./deliveries.ts";
import { log, withInvocation } from "./logger.ts";
import { purgeOperations } from "./operations.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export interface SweepRun {
  readonly call: Call;
  /** Takes all there is and ignores pauses between tries. What is not due yet by its own terms, such as an open payment window, stays. */
  readonly everything: boolean;
}

/** Answers how many things it found, or several such counts by name. */
export type Sweep<D extends Deps> = (deps: D, run: SweepRun) => Promise<number | SweepCounts>;

/** A Worker's sweeps by name, in the order they run. */
export type Sweeps<D extends Deps> = Readonly<Record<string, Sweep<D>>>;

/** What a Worker does by the clock. Every cron schedule includes the first minute of an hour. */
export interface SweepPlan<D extends Deps> {
  /** Run by every cron. */
  readonly sweeps: Sweeps<D>;
  /** Drop what is past its retention. Run in the first minute of an hour, because some read whole tables. */
  readonly purges?: Sweeps<D>;
}

const COMMON_SWEEPS: Sweeps<Deps> = {
  resentReplays: (deps, { everything }) => resendReplays(deps, { everything }),
  forgottenDeadLetters: forgetDeadLetters,
};

const COMMON_PURGES: Sweeps<Deps> = {
  purgedEvents: purgeOutbox,
  purgedInbox: purgeInbox,
  operations: purgeOperations,
};

/** The kind of the finding about a sweep that failed. Its subject is the sweep's name. */
const SWEEP_FAILED = "sweep_failed";

async function recordFailure(deps: Deps, name: string, error: unknown): Promise<void> {
  log("error", "a sweep failed; the next run tries it again", { sweep: name, error });
  const details = { error: String(error) };
  try {
    const finding = { kind: SWEEP_FAILED, subject: name, outcome: "open", details } as const;
    await commit(deps.db, { finding: findingInsert(deps.now(), finding) });
  } catch (unrecorded) {
    log("error", "the failure of a sweep could not be recorded", { sweep: name, error: unrecorded });
  }
}

async function closeFailures(deps: Deps, succeeded: readonly string[]): Promise<void> {
  await commit(deps.db, {
    closed: findingsMended(deps.now(), [SWEEP_FAILED], succeeded),
  });
}

/** Runs a Worker's sweeps and those that all Workers have. Answers what each found; `failedSweeps` counts those that threw. */
export async function runSweeps<D extends Deps>(deps: D, plan: SweepPlan<D>, run: SweepRun): Promise<SweepCounts> {
  const isPurgeTime = run.everything || deps.now() % HOUR_MS < MINUTE_MS;
  const due: Sweeps<D> = {
    ...plan.sweeps,
    ...COMMON_SWEEPS,
    ...(isPurgeTime ? { ...plan.purges, ...COMMON_PURGES } : {}),
  };
  const counts: Record<string, number> = {};
  const succeeded: string[] = [];
  for (const [name, sweep] of Object.entries(due)) {
    try {
      const found = await sweep(deps, run);
      // Sweeps may count the same thing, so equal names add up.
      for (const [counted, count] of Object.entries(typeof found === "number" ? { [name]: found } : found)) {
        counts[counted] = (counts[counted] ?? 0) + count;
      }
      succeeded.push(name);
    } catch (error) {
      await recordFailure(deps, name, error);
    }
  }
  const failedSweeps = Object.keys(due).length - succeeded.length;
  try {
    await closeFailures(deps, succeeded);
  } catch (error) {
    log("error", "findings about sweeps could not be closed", { error });
  }
  return failedSweeps > 0 ? { ...counts, failedSweeps } : counts;
}

/** A Worker's cron: all its sweeps as one logged invocation, at info level when they found something. */
export async function runCron<D extends Deps>(deps: D, plan: SweepPlan<D>): Promise<void> {
  const call = systemCall("cron", newId("req"));
  const { worker, logLevel: level } = deps;
  await withInvocation({ worker, operation: "scheduled", correlationId: call.correlationId, level }, async () => {
    const counts = await runSweeps(deps, plan, { call, everything: false });
    const hasFound = Object.values(counts).some((count) => count > 0);
    log(hasFound ? "info" : "debug", "swept", counts);
  });
}

/**
 * Works on each item, at most `concurrency` at a time, and counts those that `work` answers true for. An item that fails is logged and
 * left to the next sweep. The others are worked on all the same.
 */
export async function sweepEach<T>(
  items: readonly T[],
  { concurrency, idOf }: { readonly concurrency: number; readonly idOf: (item: T) => string },
  work: (item: T) => Promise<boolean>,
): Promise<number> {
  const outcomes = await mapConcurrent(items, { concurrency }, async (item) => {
    try {
      return await work(item);
    } catch (error) {
      log("warn", "left to the next sweep", { id: idOf(item), error });
      return false;
    }
  });
  return outcomes.filter(Boolean).length;
}
