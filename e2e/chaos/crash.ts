// Stops flows after each of their durable steps. The steps are those of a clean run, recorded; so a new step is a new point by
// itself. At a point the answer of the step is lost (it throws), or the runtime is killed with -9, each on an order of its own. A
// while later everything is swept, the client asks again, and each order has to look as that of the clean run.
import { isDeepStrictEqual } from "node:util";
import { Client, signIn } from "../../scripts/shop/client.ts";
import { ADMIN, BUYER, SETTLED_AFTER_MS } from "./constants.ts";
import { cartTokenOf } from "./flows.ts";
import type { Cast, Flow, Run } from "./flows.ts";
import { leftovers, livingIntents, pictureOf } from "./picture.ts";
import type { Picture } from "./picture.ts";
import { inParallel } from "./parallel.ts";
import { Pool } from "./pool.ts";
import { ChaosShop, labelOf } from "./shop.ts";
import type { Fault, Step } from "./shop.ts";

/** One fault at one point of one flow. */
export interface Attempt {
  readonly flow: Flow;
  readonly run: Run;
  readonly step: Step;
  readonly fault: Fault;
  /** Whether the step came: timing may make one step of two, and then there is nothing to stop after. */
  isMet: boolean;
}

/** An end that is not the clean one. */
export interface Difference {
  readonly after: string;
  readonly ended: Picture | undefined;
  readonly clean: Picture | undefined;
}

/** Which faults to try after which steps of a clean run. */
export type Plan = (step: Step, index: number) => readonly Fault[];

/** A client asks again until it has an answer; each time may meet what an earlier crash left for a moment. */
const MAX_ASKS = 3;
/** Runs prepared, asked again or looked at together. */
const AT_ONCE = 8;
/** Longer than a webhook's way takes on a busy machine: no step of a clean run may be missed, or be waited for too briefly. */
const LONG_STILLNESS_MS = 1_500;
/** When every event is delivered, all but the last projections have come. */
const BRIEF_STILLNESS_MS = 300;

interface Staff {
  readonly admin: Client;
  readonly buyer: Client;
}

export class CrashTest {
  readonly #chaos: ChaosShop;
  readonly #ends = new Map<string, Picture>();
  readonly attempts: Attempt[] = [];
  #staff: Staff;
  readonly #pool: Pool;

  private constructor(chaos: ChaosShop, staff: Staff, pool: Pool) {
    this.#chaos = chaos;
    this.#staff = staff;
    this.#pool = pool;
  }

  static async open(): Promise<CrashTest> {
    const chaos = await ChaosShop.open();
    return new CrashTest(chaos, await signInBoth(chaos), await Pool.open(chaos.shop));
  }

  async close(): Promise<void> {
    await this.#chaos.close();
  }

  /** Runs the flow once in peace, and then once for each point and fault of the plan; answers how many of these were met. */
  async stopEverywhere(flow: Flow, plan: Plan): Promise<number> {
    const points = (await this.#cleanRun(flow)).flatMap((step, index) =>
      plan(step, index).map((fault) => ({ step, fault })),
    );
    const attempts = await inParallel(points, AT_ONCE, async (point): Promise<Attempt> => {
      return { flow, run: await this.#newRun(flow), ...point, isMet: false };
    });
    await this.#chaos.still();
    // Kills last: each starts the runtime anew, which leaves nothing under way for the next.
    for (const fault of ["throw", "kill"] as const) {
      for (const attempt of attempts.filter((each) => each.fault === fault)) await this.#stop(attempt);
    }
    await this.#chaos.deliver();
    await this.#chaos.still();
    this.attempts.push(...attempts);
    return attempts.filter(({ isMet }) => isMet).length;
  }

  /**
   * A while later: sweeps, then every client that may have no answer asks again, then sweeps until nothing changes. Answers the
   * clients that were refused.
   */
  async recover(): Promise<readonly string[]> {
    await this.#chaos.kill();
    await this.#chaos.start(SETTLED_AFTER_MS);
    this.#staff = await signInBoth(this.#chaos);
    await this.#chaos.sweep();
    const refusals = await inParallel(this.attempts, AT_ONCE, async (attempt) => {
      let status = 0;
      for (let ask = 0; ask < MAX_ASKS && (status === 0 || status >= 500); ask += 1) {
        status = await attempt.flow.act(this.#cast(attempt.run), attempt.run);
      }
      return status >= 300 ? [`${describe(attempt)}: asked again, ${String(status)}`] : [];
    });
    await this.#chaos.still();
    await this.#chaos.rest();
    return refusals.flat();
  }

  /** The attempts at this flow that did not end as its clean run did. */
  async differences(flow: Flow): Promise<readonly Difference[]> {
    const attempts = this.attempts.filter((attempt) => attempt.flow === flow);
    const pictures = await this.#pictures(attempts);
    const clean = this.#ends.get(flow.name);
    return attempts.flatMap((attempt, index) => {
      const ended = pictures[index];
      return isDeepStrictEqual(ended, clean) ? [] : [{ after: describe(attempt), ended, clean }];
    });
  }

  /** What must be nowhere: dead letters, failing events, second intents at Stripe. */
  async leftovers(): Promise<readonly string[]> {
    const doubled = [...(await livingIntents(this.#chaos.shop))].filter(([, count]) => count > 1);
    return [...(await leftovers(this.#chaos.shop)), ...doubled.map(([orderId]) => `${orderId} has two intents`)];
  }

  #cast({ key }: Run): Cast {
    const { shop } = this.#chaos;
    const guest = new Client(shop.send, { "x-cart-token": cartTokenOf(key) });
    return { shop, ...this.#staff, guest };
  }

  async #newRun(flow: Flow): Promise<Run> {
    const productId = await this.#pool.take(this.#staff.admin);
    const run = { productId, key: `run-${productId}` };
    await flow.prepare(this.#cast(run), run);
    return run;
  }

  async #pictures(attempts: readonly Attempt[]): Promise<Picture[]> {
    return await inParallel(attempts, AT_ONCE, async ({ run }) => {
      return await pictureOf(this.#chaos, this.#staff.admin, run.productId);
    });
  }

  async #cleanRun(flow: Flow): Promise<readonly Step[]> {
    this.#staff = await signInBoth(this.#chaos);
    const run = await this.#newRun(flow);
    await this.#chaos.still();
    this.#chaos.watch();
    const status = await flow.act(this.#cast(run), run);
    if (status >= 300) throw new Error(`${flow.name} fails with ${String(status)} even in peace`);
    await this.#chaos.still(LONG_STILLNESS_MS);
    const steps = [...this.#chaos.steps];
    await this.#chaos.rest();
    this.#ends.set(flow.name, await pictureOf(this.#chaos, this.#staff.admin, run.productId));
    return steps;
  }

  async #stop(attempt: Attempt): Promise<void> {
    const { flow, run, step, fault } = attempt;
    this.#chaos.watch(step, fault);
    // The client may get an error, or no answer at all.
    await flow.act(this.#cast(run), run).catch(() => {});
    // What a fault has stopped comes no further without a sweep.
    if (this.#chaos.isArmed) await this.#chaos.still(LONG_STILLNESS_MS);
    attempt.isMet = !this.#chaos.isArmed;
    this.#chaos.watch();
    if (fault === "kill" && attempt.isMet) {
      await this.#chaos.killed();
      await this.#chaos.start();
      return;
    }
    // What this one left must not be taken for a step of the next; sweeping all would take ever longer, and comes in the end.
    await this.#chaos.deliver();
    await this.#chaos.still(BRIEF_STILLNESS_MS);
  }
}

async function signInBoth(chaos: ChaosShop): Promise<Staff> {
  const guest = new Client(chaos.shop.send);
  const [admin, buyer] = await Promise.all([
    signIn(guest, ADMIN.email, ADMIN.password),
    signIn(guest, BUYER.email, BUYER.password),
  ]);
  return { admin, buyer };
}

function describe({ flow, step, fault }: Attempt): string {
  return `${flow.name}: ${fault} after ${labelOf(step)}`;
}

/** The table that a run prints: one line a point. */
export function tableOf(attempts: readonly Attempt[]): string {
  const met = attempts.filter(({ isMet }) => isMet);
  const count = (fault: Fault): string => String(met.filter((attempt) => attempt.fault === fault).length);
  return [
    ...attempts.map((attempt) => `${describe(attempt)}${attempt.isMet ? "" : " (the step did not come)"}`),
    `${String(attempts.length)} faults: ${count("throw")} lost answers, ${count("kill")} kills, ${String(attempts.length - met.length)} not met`,
  ].join("\n");
}
