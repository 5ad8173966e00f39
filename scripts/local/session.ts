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

export interface Logger {
  /** One line, to the log file and, when it is for the person at the terminal, there too. */
  readonly write: (line: string) => void;
  readonly close: () => void;
}

/** Appends to STATE_DIR/logs/<mode>.log; the file before it is kept as <mode>.old.log once it is large. */
export function openLog(stateDir: string, mode: string): Logger {
  const folder = path.join(stateDir, "logs");
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${mode}.log`);
  if (existsSync(file) && statSync(file).size > MAX_LOG_BYTES) renameSync(file, path.join(folder, `${mode}.old.log`));
  const stream = createWriteStream(file, { flags: "a" });
  return {
    write: (line) => void stream.write(line.endsWith("\n") ? line : `${line}\n`),
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
export function startScheduler(origin: string, log: (line: string) => void): () => void {
  let timer: NodeJS.Timeout;
  const tick = async (): Promise<void> => {
    try {
      const response = await fetch(`${origin}/dev/tick`, { method: "POST", signal: AbortSignal.timeout(MINUTE_MS) });
      log(`cron ${await response.text()}`);
    } catch (error) {
      log(`cron failed: ${String(error)}`);
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
export async function recoverEvents(origin: string, log: (line: string) => void): Promise<void> {
  try {
    const response = await fetch(`${origin}/dev/cron/gateway`, {
      method: "POST",
      signal: AbortSignal.timeout(MINUTE_MS),
    });
    log(`outboxes compared: ${await response.text()}`);
  } catch (error) {
    log(`outboxes not compared: ${String(error)}`);
  }
}

const ACCOUNTS = [
  ["admin@example.com", "Admin123!"],
  ["vendor@example.com", "Vendor123!"],
  ["customer@example.com", "Customer123!"],
] as const;

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

  Try           curl '${origin}/api/products?q=laptop&limit=3'

Ctrl-C ends it; the data stays.
`);
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
