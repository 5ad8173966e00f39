// `npm run dev`: wrangler's own dev server over all Workers, with reload, for working on the code. `npm start` runs the same
// Workers, settings and data without it, and faster.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { buildLocalAssets } from "./local/assets.ts";
import { writeConfigs } from "./local/configs.ts";
import type { LocalConfig } from "./local/configs.ts";
import { prepareState } from "./local/prepare.ts";
import { runAlone } from "./local/run.ts";
import type { Run } from "./local/run.ts";
import { recoverEvents, runCommand, waitUntilReady } from "./local/session.ts";
import type { Logger } from "./local/session.ts";
import type { Settings } from "./local/settings.ts";
import { ROOT } from "./local/workers.ts";

/** wrangler closes its runtime within this; after it we do not ask any more. */
const END_MS = 10_000;

function startWrangler(settings: Settings, configs: readonly LocalConfig[]): ChildProcess {
  const args = [
    "dev",
    ...configs.flatMap(({ file }) => ["-c", file]),
    "--ip=127.0.0.1",
    `--port=${settings.port}`,
    "--inspector-port=0",
    `--persist-to=${settings.stateDir}`,
    "--show-interactive-dev-session=false",
    "--log-level=log",
  ];
  return spawn(process.execPath, [path.join(ROOT, "node_modules/wrangler/bin/wrangler.js"), ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      // The registry is by user and Worker name otherwise: two checkouts would call each other's Workers.
      WRANGLER_REGISTRY_PATH: path.join(settings.stateDir, "registry"),
      WRANGLER_LOG_PATH: path.join(settings.stateDir, "logs"),
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
      DO_NOT_TRACK: "1",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      X_LOCAL_OBSERVABILITY: "false",
    },
  });
}

interface Output {
  /** From here on the terminal shows what wrangler and the Workers say. */
  show(): void;
  /** What was said before that. */
  hidden(): string;
}

/** All output goes to the log; the terminal is spared the tables of bindings that wrangler opens with. */
function forward(child: ChildProcess, log: Logger): Output {
  let shown = false;
  let before = "";
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from?.on("data", (chunk: Buffer) => {
      log.write(chunk.toString());
      if (shown) to.write(chunk);
      else before += chunk.toString();
    });
  }
  return {
    show: () => {
      shown = true;
    },
    hidden: () => before,
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function end(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
  await exited;
  clearTimeout(timer);
}

async function dev({ settings, origin, lock, log, signal, serve }: Run): Promise<number> {
  const configs = writeConfigs(settings);
  buildLocalAssets();
  await prepareState(settings, configs, { seed: true, say: console.log });
  const wrangler = startWrangler(settings, configs);
  const ended = once(wrangler, "exit").then(() => 1);
  const output = forward(wrangler, log);
  try {
    lock.noteChildren();
    const ready = waitUntilReady(origin, () => !isRunning(wrangler)).then(
      () => "ready" as const,
      (error: unknown) => {
        throw new Error(`${output.hidden()}\n${String(error)}`);
      },
    );
    const first = await Promise.race([ready, signal]);
    if (first !== "ready") return first;
    lock.noteChildren();
    await recoverEvents(origin, log);
    output.show();
    return await serve(ended);
  } finally {
    await end(wrangler);
  }
}

await runCommand(() => runAlone("dev", dev));
