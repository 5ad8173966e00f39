// `npm start`: the built Workers in one local runtime, migrated and seeded, with cron and queues running. For showing the shop,
// the smoke test and measuring; `npm run dev` is the one that reloads.
import path from "node:path";
import { bundleWorkers } from "./local/bundle.ts";
import { writeConfigs } from "./local/configs.ts";
import { takeLock } from "./local/lock.ts";
import { requireFreePort } from "./local/processes.ts";
import { buildAssets, prepareState } from "./local/prepare.ts";
import { startRuntime } from "./local/runtime.ts";
import {
  announce,
  openLog,
  recoverEvents,
  runCommand,
  startScheduler,
  untilSignal,
  waitUntilReady,
} from "./local/session.ts";
import { readSettings } from "./local/settings.ts";

async function main(): Promise<number> {
  const startedAt = performance.now();
  const settings = readSettings(process.env);
  const lock = await takeLock(settings.stateDir, "start", settings.port);
  const log = openLog(settings.stateDir, "start");
  const origin = `http://127.0.0.1:${settings.port}`;
  // Heard from the first moment, so that a signal while it starts ends it cleanly too.
  const signal = untilSignal();
  try {
    await requireFreePort(settings.port);
    const configs = writeConfigs(settings);
    const [bundles] = await Promise.all([
      bundleWorkers(configs, path.join(settings.stateDir, "bundles")),
      buildAssets(),
    ]);
    await prepareState(settings, configs, { seed: true, say: console.log });
    const runtime = await startRuntime({
      configs,
      bundles,
      stateDir: settings.stateDir,
      port: settings.port,
      onLog: (line) => log.write(line),
    });
    try {
      lock.noteChildren();
      await waitUntilReady(origin, () => false);
      await recoverEvents(origin, log);
      const stopScheduler = startScheduler(origin, log);
      announce(settings, "start", (performance.now() - startedAt) / 1_000);
      const code = await signal;
      stopScheduler();
      return code;
    } finally {
      await runtime.dispose();
    }
  } finally {
    log.close();
    lock.release();
  }
}

await runCommand(main);
