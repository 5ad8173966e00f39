// A shop whose durable steps a test can observe and make fail, and whose runtime it can kill and start again on the same data. A later
// start may set the clock ahead, so that holds and leases have expired.
import { setTimeout as pause } from "node:timers/promises";
import type { Environment } from "../../scripts/local/settings.ts";
import { PRODUCTION_WORKERS } from "../../scripts/local/workers.ts";
import { descendants } from "../../scripts/local/processes.ts";
import { makeScratch } from "../../scripts/local/scratch.ts";
import type { Scratch } from "../../scripts/local/scratch.ts";
import { runShop, undelivered } from "../harness.ts";
import type { Shop } from "../harness.ts";
import type { Store } from "../sql.ts";
import { eventually } from "../../scripts/shop/client.ts";
import { TIMEOUT_MS, UNLIMITED } from "./constants.ts";
import { around } from "./wrap.ts";

/** A durable step of a Worker. `occurrence` counts equal steps since the last `watch`, from 1. */
export interface Step {
  readonly worker: string;
  readonly name: string;
  readonly occurrence: number;
}

/** throw: the step is done and its result lost. kill: the runtime is killed right after the step. */
export type Fault = "throw" | "kill";

const POLL_MS = 20;
/** Longer than a step takes. The flush of a Stock object comes up to 600 ms after its change. */
const STILLNESS_MS = 700;
/** How long to wait for stillness: what a fault interrupted stays undelivered until a sweep. */
const STILL_TIMEOUT_MS = 4_000;
const MAX_ROUNDS = 6;

/** Queries whose results change while anything is in progress. */
const AT_WORK: readonly (readonly [Store, string])[] = [
  ["orders", "SELECT count(*) AS orders, sum(version) AS versions FROM orders"],
  ["payments", "SELECT count(*) AS payments, sum(version) AS versions FROM payments"],
  ["payments", "SELECT status, count(*) AS refunds FROM refunds GROUP BY status"],
  ["inventory", "SELECT sum(sequence) AS changes FROM stock_levels"],
  ["notifications", "SELECT status, count(*) AS notifications FROM notifications GROUP BY status"],
];

export function labelOf({ worker, name, occurrence }: Step): string {
  return `${worker}: ${name}${occurrence === 1 ? "" : ` (${String(occurrence)})`}`;
}

export interface ChaosOptions {
  readonly environment?: Environment;
  /** Existing data to start on. Default: fresh, seeded data. */
  readonly scratch?: Scratch;
  /** How far the clock is ahead at the first start, in milliseconds. */
  readonly clockAheadMs?: number;
}

export class ChaosShop {
  /** Counts of messages and webhooks under disorder, and of their copies. */
  readonly copies: Record<string, number> = {};
  /** The header values of each mail that the provider accepted. The mailbox keeps only the newest mails. */
  readonly letters = new Set<string>();
  readonly #scratch: Scratch;
  #clockAheadMs: number;
  #shop: Shop | undefined;
  #runtimes: readonly number[] = [];
  #steps: Step[] = [];
  #lastStepAt = 0;
  #armed: { readonly step: Step; readonly fault: Fault } | undefined;
  #killing: Promise<void> | undefined;

  private constructor(scratch: Scratch, { clockAheadMs = 0 }: ChaosOptions) {
    this.#scratch = scratch;
    this.#clockAheadMs = clockAheadMs;
  }

  static async open(options: ChaosOptions = {}): Promise<ChaosShop> {
    const environment = { ...UNLIMITED, LOG_LEVEL: "off", ...options.environment };
    const chaos = new ChaosShop(options.scratch ?? (await makeScratch(environment, { seed: true })), options);
    try {
      await chaos.start();
    } catch (error) {
      chaos.#scratch.remove();
      throw error;
    }
    return chaos;
  }

  get shop(): Shop {
    if (this.#shop === undefined) throw new Error("the shop is not running");
    return this.#shop;
  }

  /** The steps since the last `watch`, in the order of their ends. */
  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** Clears the recorded steps, and makes `fault` happen once after `step`. */
  watch(step?: Step, fault: Fault = "throw"): void {
    this.#steps = [];
    this.#lastStepAt = Date.now();
    this.#armed = step && { step, fault };
  }

  /** Whether the fault of the last `watch` has still to happen. */
  get isArmed(): boolean {
    return this.#armed !== undefined;
  }

  /**
   * Starts on the existing data, with the clock `furtherAheadMs` further ahead than before. With a seed, messages and webhooks arrive
   * several times and out of order.
   */
  async start(furtherAheadMs = 0, disorderSeed?: number): Promise<void> {
    this.#clockAheadMs += furtherAheadMs;
    const before = new Set(descendants(process.pid));
    this.#shop = await runShop(
      this.#scratch,
      around({ clockAheadMs: this.#clockAheadMs, disorderSeed }, (request) => this.#control(request)),
    );
    this.#runtimes = descendants(process.pid).filter((pid) => !before.has(pid));
  }

  /** SIGKILL to the runtime, as a power cut would. */
  async kill(): Promise<void> {
    for (const pid of this.#runtimes) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has already ended.
      }
    }
    this.#runtimes = [];
    await this.#shop?.close();
    this.#shop = undefined;
  }

  /** Resolves when a kill after a step is done; at once when there was none. */
  async killed(): Promise<void> {
    await this.#killing;
    this.#killing = undefined;
  }

  async close(): Promise<void> {
    try {
      await this.killed();
      await this.#shop?.close();
    } finally {
      this.#scratch.remove();
    }
  }

  /** Waits until the fault has happened, or until no step has happened for `stillnessMs` and every event is delivered. */
  async still(stillnessMs = STILLNESS_MS): Promise<void> {
    const wasArmed = this.isArmed;
    const deadline = Date.now() + STILL_TIMEOUT_MS;
    while (Date.now() < deadline && this.#shop !== undefined) {
      if (wasArmed && !this.isArmed) return;
      const isStill = Date.now() - this.#lastStepAt >= stillnessMs;
      if (isStill && (await this.#isDelivered())) return;
      await pause(POLL_MS);
    }
  }

  /** Runs the sweeps of every Worker once, and waits until every event is delivered. */
  async sweep(): Promise<void> {
    for (const worker of PRODUCTION_WORKERS.filter((name) => name !== "gateway")) await this.shop.cron(worker);
    await this.deliver();
  }

  /** Resends undelivered events, and waits until every event is delivered. */
  async deliver(): Promise<void> {
    await this.shop.cron("gateway");
    await eventually(
      "every event is delivered",
      async () => ((await undelivered(this.shop)) === 0 ? true : undefined),
      TIMEOUT_MS,
    );
  }

  /** Sweeps until a round changes no order, payment, refund, notification or stock level. */
  async rest(): Promise<void> {
    let last = "";
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      await this.sweep();
      const state = JSON.stringify(
        await Promise.all(AT_WORK.map(([store, sql]) => this.shop.query<Record<string, unknown>>(store, sql))),
      );
      if (state === last) return;
      last = state;
    }
    throw new Error(`still changing after ${String(MAX_ROUNDS)} rounds of sweeps: ${last}`);
  }

  /** True also when the shop is killed during the query, because it delivers nothing more. */
  async #isDelivered(): Promise<boolean> {
    try {
      return this.#shop === undefined || (await undelivered(this.#shop)) === 0;
    } catch (error) {
      if (this.#killing !== undefined) return true;
      throw error;
    }
  }

  async #control(request: { readonly url: string; text(): Promise<string> }): Promise<Response> {
    if (request.url.endsWith("/count")) {
      const counts = JSON.parse(await request.text()) as Readonly<Record<string, number>>;
      for (const [name, count] of Object.entries(counts)) this.copies[name] = (this.copies[name] ?? 0) + count;
      return new Response(null, { status: 204 });
    }
    if (request.url.endsWith("/letter")) {
      for (const value of JSON.parse(await request.text()) as readonly string[]) this.letters.add(value);
      return new Response(null, { status: 204 });
    }
    const { worker, name } = JSON.parse(await request.text()) as { readonly worker: string; readonly name: string };
    const occurrence = 1 + this.#steps.filter((step) => step.worker === worker && step.name === name).length;
    this.#steps.push({ worker, name, occurrence });
    this.#lastStepAt = Date.now();
    const armed = this.#armed;
    if (armed === undefined || labelOf(armed.step) !== labelOf({ worker, name, occurrence })) {
      return new Response(null, { status: 204 });
    }
    this.#armed = undefined;
    if (armed.fault === "throw") return new Response(null, { status: 500 });
    this.#killing = this.kill();
    return await new Promise<never>(() => {});
  }
}
