// The parts of a local run that dev and start share: its log, the wait for readiness, the scheduler, the printed summary, and signals.
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import path from "node:path";
import type { Settings } from "./settings.ts";

const MINUTE_MS = 60_000;
/** Added to the start of the minute, so that a clock read slightly early already shows the new minute. */
const TICK_DELAY_MS = 50;
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 50;
/** A larger log file is renamed at the next start. */
const MAX_LOG_BYTES = 50 * 1024 * 1024;

/** The run's log file. */
export interface Logger {
  /** Output of the runtime and the Workers, unchanged. */
  readonly write: (text: string) => void;
  /** A message of the command itself: one JSON line in the form of shared/logger.ts. */
  readonly note: (level: "info" | "error", message: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly close: () => void;
}

/** Appends to STATE_DIR/logs/<mode>.log. A file that has grown large is kept as <mode>.old.log. */
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

/** Waits until the gateway responds. @throws Error when the runtime has ended, or after a minute. */
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

/** Fires the crons at each minute, by POST /dev/tick. Returns a function that stops it. */
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

/** Runs the outbox sweep once: the local queues lose undelivered messages when their process ends. */
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

/** The search of the printed curl. The seed has dozens of these (scripts/test/seed-catalog.test.ts). */
export const FIRST_SEARCH = "gloves";

/** Prints addresses, accounts and a first request. */
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

/** Runs a command and ends the process with its exit code. Prints the message of an error that it throws. */
export async function runCommand(command: () => Promise<number>): Promise<never> {
  try {
    process.exitCode = await command();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
  process.exit();
}

/** Resolves with the exit code at the first signal to end. A second signal ends the process at once. */
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
