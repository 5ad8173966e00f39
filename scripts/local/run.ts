// One run of the shop, by `npm run dev` or `npm start`: alone on its data and its port, with a log, until a signal.
import { takeLock } from "./lock.ts";
import type { Lock, Mode } from "./lock.ts";
import { requireFreePort } from "./processes.ts";
import { announce, openLog, startScheduler, untilSignal } from "./session.ts";
import type { Logger } from "./session.ts";
import { readSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";

export interface Run {
  readonly settings: Settings;
  readonly origin: string;
  readonly lock: Lock;
  readonly log: Logger;
  /** The exit code, once the process is asked to end. */
  readonly signal: Promise<number>;
  /** Fires the crons and tells the person at the terminal what there is, until a signal or until the runtime has `ended`. */
  readonly serve: (ended?: Promise<number>) => Promise<number>;
}

/** Does `work` as the only run on its STATE_DIR, and answers its exit code. */
export async function runAlone(mode: Exclude<Mode, "seed">, work: (run: Run) => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  const settings = readSettings(process.env);
  const lock = await takeLock(settings.stateDir, mode, settings.port);
  const log = openLog(settings.stateDir, mode);
  const origin = `http://127.0.0.1:${settings.port}`;
  // Heard from the first moment, so that a signal while it starts ends it cleanly too.
  const signal = untilSignal();
  const serve: Run["serve"] = async (ended) => {
    const stopScheduler = startScheduler(origin, log);
    announce(settings, mode, (performance.now() - startedAt) / 1_000);
    const code = await (ended === undefined ? signal : Promise.race([signal, ended]));
    stopScheduler();
    return code;
  };
  try {
    await requireFreePort(settings.port);
    return await work({ settings, origin, lock, log, signal, serve });
  } finally {
    log.close();
    lock.release();
  }
}
