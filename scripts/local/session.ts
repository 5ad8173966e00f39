// What dev and start share around the runtime: the lock, the preparation of STATE_DIR, the scheduler's tick, what is printed,
// and the end by a signal.
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import path from "node:path";
import type { Settings } from "./settings.ts";

const MINUTE_MS = 60_000;
/** Past the minute's edge, so that a clock that is read a little early still shows the new minute. */
const TICK_DELAY_MS = 50;
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 50;
/** A log file past this is moved aside at the next start. */
const MAX_LOG_BYTES = 50 * 1024 * 1024;

/** The run's log file. */
export interface Logger {
  /** What the runtime and the Workers said, as it came. */
  readonly write: (text: string) => void;
  /** What the command itself has to tell: one JSON line in the form of shared/logger.ts. */
  readonly note: (level: "info" | "error", message: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly close: () => void;
}

/** Appends to STATE_DIR/logs/<mode>.log; the file before it is kept as <mode>.old.log once it is large. */
export function openLog(stateDir: string, mode: string): Logger {
  const folder = path.join(stateDir, "logs");
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${mode}.log`);
  if (existsSync(file) && statSync(file).size > MAX_LOG_BYTES) renameSync(file, path.join(folder, `${mode}.old.log`));
  const stream = createWriteStream(file, { flags: "a" });
  const write = (text: string): void => void stream.write(text.endsWith("\n") ? text : `${text}\n`);
  return {
    write,
    note: (level, message, fields) => {
      write(
        JSON.stringify({ level, time: new Date().toISOString(), worker: "local", operation: mode, message, ...fields }),
      );
    },
    close: () => void stream.end(),
  };
}

/** Waits until the gateway answers through the front. Throws when `ended` says that the runtime is gone, or after a minute. */
export async function waitUntilReady(origin: string, ended: () => boolean): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline && !ended()) {
    try {
      const response = await fetch(`${origin}/api/health`, { signal: AbortSignal.timeout(5_000) });
      await response.arrayBuffer();
      if (response.status < 500) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  throw new Error(ended() ? "The runtime ended while it started." : "The Workers did not answer within a minute.");
}

/** Asks the front to fire each minute's crons, on time. Answers what stops it. */
export function startScheduler(origin: string, log: Logger): () => void {
  let timer: NodeJS.Timeout;
  const tick = async (): Promise<void> => {
    try {
      const response = await fetch(`${origin}/dev/tick`, { method: "POST", signal: AbortSignal.timeout(MINUTE_MS) });
      log.note("info", "cron fired", { answer: await response.json() });
    } catch (error) {
      log.note("error", "cron failed", { error: String(error) });
    }
  };
  const arm = (): void => {
    const untilNextMinute = MINUTE_MS - (Date.now() % MINUTE_MS);
    timer = setTimeout(() => {
      arm();
      void tick();
    }, untilNextMinute + TICK_DELAY_MS);
  };
  arm();
  return () => clearTimeout(timer);
}

/** Compares the outboxes once: what the local queues had accepted and not delivered went with the process before this one. */
export async function recoverEvents(origin: string, log: Logger): Promise<void> {
  try {
    const response = await fetch(`${origin}/dev/cron/gateway`, {
      method: "POST",
      signal: AbortSignal.timeout(MINUTE_MS),
    });
    log.note("info", "outboxes compared", { answer: await response.json() });
  } catch (error) {
    log.note("error", "outboxes not compared", { error: String(error) });
  }
}

const ACCOUNTS = [
  ["admin@example.com", "Admin123!"],
  ["vendor@example.com", "Vendor123!"],
  ["customer@example.com", "Customer123!"],
] as const;

/** What the first curl searches for: of these the seed has dozens (scripts/test/seed-catalog.test.ts). */
export const FIRST_SEARCH = "gloves";

/** Tells the person who started it what there is. */
export function announce(settings: Settings, mode: string, seconds: number): void {
  const origin = `http://localhost:${settings.port}`;
  console.log(`
Tradepost is ready (npm run ${mode}, ${seconds.toFixed(1)} s)

  Shop API      ${origin}/api/products
  API docs      ${origin}/api/docs
  Health        ${origin}/api/health
  Payments      ${settings.sandbox ? `the Stripe sandbox, ${origin}/_stripe/v1/` : "Stripe, with your test key"}
  Mails         ${origin}/dev/mailbox
  Data, logs    ${settings.stateDir}

  Accounts      ${ACCOUNTS.map(([email, password]) => `${email} / ${password}`).join("\n                ")}

  Try           curl '${origin}/api/products?q=${FIRST_SEARCH}&limit=2'

Ctrl-C ends it; the data stays.
`);
}

/** Runs a command to its exit code; what it throws is for the person at the terminal. Ends the process, whatever is left open. */
export async function runCommand(command: () => Promise<number>): Promise<never> {
  try {
    process.exitCode = await command();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
  process.exit();
}

/** Resolves with the exit code once the process is asked to end. A second signal does not wait. */
export async function untilSignal(): Promise<number> {
  return await new Promise((resolve) => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const) {
      process.once(signal, () => {
        resolve(code);
        process.once(signal, () => process.exit(code));
      });
    }
  });
}
