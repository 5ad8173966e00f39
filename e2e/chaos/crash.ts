// Interrupts flows after each of their durable steps. The steps are recorded in a clean run, so a new step is tested without a change
// here. After a step its response is lost (it throws) or the runtime is killed with SIGKILL, each on an order of its own. Later the
// sweeps run, the clients repeat their requests, and each order has to end as that of the clean run.
import { isDeepStrictEqual } from "node:util";
import { mapConcurrent } from "#shared/concurrency";
import { Client, signIn } from "../../scripts/shop/client.ts";
import { ADMIN, BUYER, EXPIRED_AFTER_MS } from "./constants.ts";
import { cartTokenOf } from "./flows.ts";
import type { Cast, Flow, Run } from "./flows.ts";
import { leftovers, openIntents, pictureOf } from "./picture.ts";
import type { Picture } from "./picture.ts";
import { Pool } from "./pool.ts";
import { ChaosShop, labelOf } from "./shop.ts";
import type { Fault, Step } from "./shop.ts";

/** One fault at one point of one flow. */
export interface Attempt {
  readonly flow: Flow;
  readonly run: Run;
  readonly step: Step;
  readonly fault: Fault;
  /** Whether the step happened. Timing may merge two steps into one. */
  isMet: boolean;
}

/** An end that differs from that of the clean run. */
export interface Difference {
  readonly after: string;
  readonly ended: Picture | undefined;
  readonly clean: Picture | undefined;
}

/** Which faults to try after which steps of a clean run. */
export type Plan = (step: Step, index: number) => readonly Fault[];

/** How often a client repeats its request at most. Each repetition may meet the leftovers of another crash. */
const MAX_ATTEMPTS = 3;
/** How many runs are prepared, repeated or read at the same time. */
const CONCURRENCY = 8;
/** Longer than a webhook takes on a busy machine, so that no step of a clean run is missed. */
const LONG_STILLNESS_MS = 1_500;
/** Once every event is delivered, only the last projections are missing. */
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

  /** Runs the flow once without a fault, then once for each step and fault of the plan. Returns how many faults happened. */
  async stopEverywhere(flow: Flow, plan: Plan): Promise<number> {
    const points = (await this.#cleanRun(flow)).flatMap((step, index) =>
      plan(step, index).map((fault) => ({ step, fault })),
    );
    const attempts = await mapConcurrent(points, { concurrency: CONCURRENCY }, async (point): Promise<Attempt> => {
      return { flow, run: await this.#newRun(flow), ...point, isMet: false };
    });
    await this.#chaos.still();
    // Kills come last: each restarts the runtime, so nothing is in progress at the next.
    for (const fault of ["throw", "kill"] as const) {
      for (const attempt of attempts.filter((each) => each.fault === fault)) await this.#stop(attempt);
    }
    await this.#chaos.deliver();
    await this.#chaos.still();
    this.attempts.push(...attempts);
    return attempts.filter(({ isMet }) => isMet).length;
  }

  /**
   * Some minutes later: sweeps, then every client repeats its request, then sweeps until nothing changes. Returns the requests that
   * were refused.
   */
  async recover(): Promise<readonly string[]> {
    await this.#chaos.kill();
    await this.#chaos.start(EXPIRED_AFTER_MS);
    this.#staff = await signInBoth(this.#chaos);
    await this.#chaos.sweep();
    const refusals = await mapConcurrent(this.attempts, { concurrency: CONCURRENCY }, async (attempt) => {
      let status = 0;
      for (let tried = 0; tried < MAX_ATTEMPTS && (status === 0 || status >= 500); tried += 1) {
        status = await attempt.flow.act(this.#cast(attempt.run), attempt.run);
      }
      return status >= 300 ? [`${describe(attempt)}: repeated, ${String(status)}`] : [];
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

  /** Dead letters, failing events and second intents at Stripe, of which there must be none. */
  async leftovers(): Promise<readonly string[]> {
    const doubled = [...(await openIntents(this.#chaos.shop))].filter(([, count]) => count > 1);
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
    return await mapConcurrent(attempts, { concurrency: CONCURRENCY }, async ({ run }) => {
      return await pictureOf(this.#chaos, this.#staff.admin, run.productId);
    });
  }

  async #cleanRun(flow: Flow): Promise<readonly Step[]> {
    this.#staff = await signInBoth(this.#chaos);
    const run = await this.#newRun(flow);
    await this.#chaos.still();
    this.#chaos.watch();
    const status = await flow.act(this.#cast(run), run);
    if (status >= 300) throw new Error(`${flow.name} fails with ${String(status)} without a fault`);
    await this.#chaos.still(LONG_STILLNESS_MS);
    const steps = [...this.#chaos.steps];
    await this.#chaos.rest();
    this.#ends.set(flow.name, await pictureOf(this.#chaos, this.#staff.admin, run.productId));
    return steps;
  }

  async #stop(attempt: Attempt): Promise<void> {
    const { flow, run, step, fault } = attempt;
    this.#chaos.watch(step, fault);
    // The client may get an error, or no response.
    await flow.act(this.#cast(run), run).catch(() => {});
    // A flow that the fault interrupted proceeds only by a sweep.
    if (this.#chaos.isArmed) await this.#chaos.still(LONG_STILLNESS_MS);
    attempt.isMet = !this.#chaos.isArmed;
    this.#chaos.watch();
    if (fault === "kill" && attempt.isMet) {
      await this.#chaos.killed();
      await this.#chaos.start();
      return;
    }
    // Deliver what is left, so that it is not recorded as a step of the next run. All sweeps would take longer each time; they run at the end.
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

/** One line for each attempt, and the counts. */
export function tableOf(attempts: readonly Attempt[]): string {
  const met = attempts.filter(({ isMet }) => isMet);
  const count = (fault: Fault): string => String(met.filter((attempt) => attempt.fault === fault).length);
  return [
    ...attempts.map((attempt) => `${describe(attempt)}${attempt.isMet ? "" : " (the step did not happen)"}`),
    `${String(attempts.length)} faults: ${count("throw")} lost responses, ${count("kill")} kills, ${String(attempts.length - met.length)} did not happen`,
  ].join("\n");
}
