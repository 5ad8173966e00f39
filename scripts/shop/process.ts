// `npm start` or `npm run dev` in a process of its own, on data of its own, that a test or the benchmark can kill and start again.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { descendants } from "../local/processes.ts";
import { makeScratch } from "../local/scratch.ts";
import type { Scratch } from "../local/scratch.ts";
import type { Environment } from "../local/settings.ts";
import { ROOT } from "../local/workers.ts";
import { runSweeps } from "./client.ts";
import type { Send } from "./client.ts";

export type Mode = "start" | "dev";

export interface Server {
  readonly origin: string;
  readonly stateDir: string;
  /** Its data, for another runtime after this one has ended. */
  readonly scratch: Scratch;
  readonly send: Send;
  readonly pid: () => number;
  /** Runs all sweeps of a Worker, ignoring age and back-off. */
  cron(worker: string): Promise<Readonly<Record<string, number>>>;
  /** Starts it on the same data and waits until it is ready. Default: `npm start`. */
  start(mode?: Mode): Promise<void>;
  /** Tries to start a second one on the same data. Returns its output. */
  startAnother(mode?: Mode): Promise<string>;
  /** SIGKILL to the command and all its descendants, as in a power cut. */
  kill(): Promise<void>;
  /** SIGKILL to the command only; its runtime keeps running. */
  killCommand(): Promise<void>;
  /** Ends it by SIGTERM and keeps the data. Returns the exit code. */
  end(): Promise<number | null>;
  /** Ends it by SIGTERM and removes its data. */
  stop(): Promise<void>;
}

const READY = "Tradepost is ready";
/** A start takes seconds; a machine that runs all tests may need more. */
const START_TIMEOUT_MS = 120_000;

async function ready(child: ChildProcess): Promise<void> {
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready in time:\n${output}`)), START_TIMEOUT_MS);
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (!output.includes(READY)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${String(code)}:\n${output}`));
    });
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

/** Starts the server on fresh, seeded data. Rate limits and caps on orders are off unless `environment` says otherwise. */
export async function startServer(environment: Environment = {}): Promise<Server> {
  const variables = { RATE_LIMITS: "off", ORDER_CAPS: "off", LOG_LEVEL: "warn", ...environment };
  const scratch = await makeScratch(variables, { seed: true });
  const { settings, remove } = scratch;
  const origin = `http://127.0.0.1:${String(settings.port)}`;
  let child: ChildProcess | undefined;
  const run = (mode: Mode): ChildProcess =>
    spawn(process.execPath, [path.join(ROOT, `scripts/${mode}.ts`)], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...variables, PORT: String(settings.port), STATE_DIR: settings.stateDir },
    });
  const start = async (mode: Mode = "start"): Promise<void> => {
    child = run(mode);
    await ready(child);
  };
  const send: Send = async (target, init) => await fetch(`${origin}${target}`, init);
  const kill = async (): Promise<void> => {
    if (child?.pid === undefined) return;
    const below = descendants(child.pid);
    await end(child, "SIGKILL");
    for (const pid of below) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended with its parent.
      }
    }
  };
  await start();
  return {
    origin,
    stateDir: settings.stateDir,
    scratch,
    send,
    start,
    kill,
    pid: () => child?.pid ?? 0,
    killCommand: async () => {
      if (child !== undefined) await end(child, "SIGKILL");
    },
    cron: (worker) => runSweeps(send, worker),
    async startAnother(mode = "start") {
      const another = run(mode);
      try {
        await ready(another);
        return "it started";
      } catch (error) {
        return String(error);
      } finally {
        await end(another, "SIGTERM");
      }
    },
    async end() {
      if (child === undefined) return null;
      await end(child, "SIGTERM");
      return child.exitCode;
    },
    async stop() {
      if (child !== undefined) await end(child, "SIGTERM");
      remove();
    },
  };
}
