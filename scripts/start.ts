// `npm start`: the built Workers in one local runtime, with crons and queues. For demonstrations, the smoke test and measurements;
// `npm run dev` reloads on changes.
import path from "node:path";
import { bundleWorkers } from "./local/bundle.ts";
import { runAlone } from "./local/run.ts";
import type { Run } from "./local/run.ts";
import { startRuntime } from "./local/runtime.ts";
import { recoverEvents, runCommand, waitUntilReady } from "./local/session.ts";

async function start({ settings, configs, origin, lock, log, serve }: Run): Promise<number> {
  const bundles = await bundleWorkers(configs, path.join(settings.stateDir, "bundles"));
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
