// `npm run dev`: all Workers under wrangler's dev server, which reloads on changes. `npm start` runs the same Workers, settings and data
// from built bundles, and is faster.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { LocalConfig } from "./local/configs.ts";
import { runAlone } from "./local/run.ts";
import type { Run } from "./local/run.ts";
import { recoverEvents, runCommand, waitUntilReady } from "./local/session.ts";
import type { Logger } from "./local/session.ts";
import type { Settings } from "./local/settings.ts";
import { ROOT } from "./local/workers.ts";

/** How long wrangler may take to close its runtime before it is killed. */
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
      // The default registry is one for each user: two checkouts would call each other's Workers.
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
  /** From now on, prints the output on the terminal too. */
  show(): void;
  /** The output before `show`. */
  hidden(): string;
}

/** Sends all output to the log, and none to the terminal at first: wrangler opens with long tables of bindings. */
function forward(child: ChildProcess, log: Logger): Output {
  let isVisible = false;
  let before = "";
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from?.on("data", (chunk: Buffer) => {
      log.write(chunk.toString());
      if (isVisible) to.write(chunk);
      else before += chunk.toString();
    });
  }
  return {
    show: () => {
      isVisible = true;
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

async function dev({ settings, configs, origin, lock, log, signal, serve }: Run): Promise<number> {
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
