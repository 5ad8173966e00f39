// `npm start`: the built Workers in one local runtime, migrated and seeded, with cron and queues running. For showing the shop,
// the smoke test and measuring; `npm run dev` is the one that reloads.
import path from "node:path";
import { buildLocalAssets } from "./local/assets.ts";
import { bundleWorkers } from "./local/bundle.ts";
import { writeConfigs } from "./local/configs.ts";
import { prepareState } from "./local/prepare.ts";
import { runAlone } from "./local/run.ts";
import type { Run } from "./local/run.ts";
import { startRuntime } from "./local/runtime.ts";
import { recoverEvents, runCommand, waitUntilReady } from "./local/session.ts";

async function start({ settings, origin, lock, log, serve }: Run): Promise<number> {
  const configs = writeConfigs(settings);
  buildLocalAssets();
  const bundles = await bundleWorkers(configs, path.join(settings.stateDir, "bundles"));
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
    return await serve();
  } finally {
    await runtime.dispose();
  }
}

await runCommand(() => runAlone("start", start));
