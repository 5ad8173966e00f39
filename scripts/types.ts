// Generates the types of the runtime (600 KB, not in git) and one `env.d.ts` beside each wrangler file. `--check` writes nothing and fails
// when an env.d.ts does not match its wrangler file.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { mapConcurrent } from "#shared/concurrency";
import { LOCAL_WORKERS, ROOT, workerFolder, wranglerFile } from "./local/workers.ts";

const RUNTIME_TYPES = path.join(ROOT, ".wrangler/types/runtime.d.ts");

/** A wrangler file, the path of its types, both relative to the root, and the name of the interface. */
const WORKERS = LOCAL_WORKERS.map((worker) => ({
  config: path.relative(ROOT, wranglerFile(worker)),
  out: `${workerFolder(worker)}/env.d.ts`,
  name: worker === "stripe-sandbox" ? "SandboxEnv" : `${worker.charAt(0).toUpperCase()}${worker.slice(1)}Env`,
}));

const run = promisify(execFile);

async function wranglerTypes(args: readonly string[]): Promise<void> {
  await run(process.execPath, [path.join(ROOT, "node_modules/wrangler/bin/wrangler.js"), "types", ...args], {
    cwd: ROOT,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
  });
}

type WorkerTypes = (typeof WORKERS)[number];

/** Each takes a second and a half by itself. */
async function forAll(workers: readonly WorkerTypes[], work: (worker: WorkerTypes) => Promise<void>): Promise<void> {
  await mapConcurrent(workers, { concurrency: availableParallelism() }, work);
}

async function generateEnv(worker: WorkerTypes, out: string): Promise<void> {
  await wranglerTypes([
    out,
    "-c",
    worker.config,
    "--env-interface",
    worker.name,
    "--include-runtime=false",
    "--strict-vars=false",
  ]);
}

/** The first lines name the command, and so the output path; what follows is the content. */
function content(file: string): string {
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(2)
    .join("\n")
    .replaceAll(/import\("[^"]*?([^/"]+\/[^/"]+)"\)/g, 'import("$1")');
}

async function check(): Promise<void> {
  const scratch = mkdtempSync(path.join(tmpdir(), "tradepost-types-"));
  try {
    const stale: WorkerTypes[] = [];
    await forAll(WORKERS, async (worker) => {
      const out = path.join(scratch, `${worker.name}.d.ts`);
      await generateEnv(worker, out);
      const committed = path.join(ROOT, worker.out);
      if (!existsSync(committed) || content(out) !== content(committed)) stale.push(worker);
    });
    if (stale.length > 0) {
      console.error(`Out of date, run "npm run types": ${stale.map(({ out }) => out).join(", ")}`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

mkdirSync(path.dirname(RUNTIME_TYPES), { recursive: true });
if (!process.argv.includes("--check") || !existsSync(RUNTIME_TYPES)) {
  await wranglerTypes([RUNTIME_TYPES, "-c", "wrangler.toml", "--include-env=false"]);
}
if (process.argv.includes("--check")) await check();
else await forAll(WORKERS, async (worker) => await generateEnv(worker, worker.out));
