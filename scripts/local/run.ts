// One run of the shop by `npm run dev` or `npm start`: holds the lock on its data, prepares them, and serves until a signal.
import { buildLocalAssets } from "./assets.ts";
import { writeConfigs } from "./configs.ts";
import type { LocalConfig } from "./configs.ts";
import { takeLock } from "./lock.ts";
import type { Lock, Mode } from "./lock.ts";
import { prepareState } from "./prepare.ts";
import { requireFreePort } from "./processes.ts";
import { announce, openLog, startScheduler, untilSignal } from "./session.ts";
import type { Logger } from "./session.ts";
import { readSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";

export interface Run {
  readonly settings: Settings;
  /** Of each Worker; the front is the first. */
  readonly configs: readonly LocalConfig[];
  readonly origin: string;
  readonly lock: Lock;
  readonly log: Logger;
  /** The exit code, once the process is asked to end. */
  readonly signal: Promise<number>;
  /** Fires the crons and prints what is running, until a signal or until the runtime has `ended`. Returns the exit code. */
  readonly serve: (ended?: Promise<number>) => Promise<number>;
}

/**
 * Does `work` as the only run on its STATE_DIR, which is migrated and seeded. Returns the exit code of `work`.
 * @throws Error when another run holds STATE_DIR or something listens on the port.
 */
export async function runAlone(mode: Exclude<Mode, "seed">, work: (run: Run) => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  const settings = readSettings(process.env);
  const lock = await takeLock(settings.stateDir, mode, settings.port);
  const log = openLog(settings.stateDir, mode);
  const origin = `http://127.0.0.1:${settings.port}`;
  // Listened for from the start, so that a signal during the start ends the run cleanly too.
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
    const configs = writeConfigs(settings);
    buildLocalAssets();
    await prepareState(settings, configs, { seed: true, say: console.log });
    return await work({ settings, configs, origin, lock, log, signal, serve });
  } finally {
    log.close();
    lock.release();
  }
}
