// Bundles the Workers for `npm start` and the e2e tests, with the bundler that wrangler itself brings and set as wrangler sets
// it for a deploy. `wrangler deploy --dry-run` does the same at 1.6 CPU-seconds a Worker, which nine Workers cannot afford at
// each start; this takes 0.3, and nothing when the sources have not changed.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type * as Esbuild from "esbuild";
import type { LocalConfig } from "./configs.ts";
import { ROOT, workerFolder } from "./workers.ts";

const require = createRequire(import.meta.url);

/** wrangler's own copy, whatever other version may stand in node_modules. */
function esbuild(): typeof Esbuild {
  return createRequire(require.resolve("wrangler"))("esbuild") as typeof Esbuild;
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted();
}

/** A digest of these files, by their path in the repo and content. */
function digestOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(`${path.relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  return hash.digest("hex");
}

/** A digest of all files under these folders of the repo, and of these files. */
export function digestOfSources(sources: readonly string[]): string {
  const files = sources.map((source) => path.join(ROOT, source)).filter((source) => existsSync(source));
  return digestOf(files.flatMap((file) => (path.extname(file) === "" ? filesUnder(file) : [file])));
}

async function bundle(entry: string, outfile: string): Promise<void> {
  await esbuild().build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2024",
    supported: { "import-source": true, using: true },
    conditions: ["workerd", "worker", "browser"],
    // From the sources only, so that a bundle does not depend on who builds it.
    tsconfigRaw: {},
    external: ["cloudflare:*", "node:*"],
    keepNames: true,
    sourcemap: "linked",
    define: {
      "navigator.userAgent": '"Cloudflare-Workers"',
      "process.env.NODE_ENV": '"production"',
      "global.process.env.NODE_ENV": '"production"',
      "globalThis.process.env.NODE_ENV": '"production"',
    },
    loader: { ".txt": "text", ".html": "text", ".sql": "text" },
    absWorkingDir: ROOT,
    logLevel: "warning",
  });
}

/**
 * Bundles what changed since the last time into `outDir`, one `<worker>.js` each, and answers where they are.
 * Throws with esbuild's own words when a Worker does not build.
 */
export async function bundleWorkers(configs: readonly LocalConfig[], outDir: string): Promise<Map<string, string>> {
  mkdirSync(outDir, { recursive: true });
  const shared = digestOfSources(["shared", "package-lock.json", "scripts/local/bundle.ts"]);
  const built = configs.map(async ({ worker, config }) => {
    const outfile = path.join(outDir, `${worker}.js`);
    const stamp = `${outfile}.digest`;
    const digest = `${shared} ${digestOfSources([`${workerFolder(worker)}/src`])}`;
    const fresh = existsSync(outfile) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest;
    if (!fresh) {
      await bundle(config.main, outfile);
      writeFileSync(stamp, digest);
    }
    return [worker, outfile] as const;
  });
  try {
    return new Map(await Promise.all(built));
  } finally {
    // Its process would stay with us otherwise.
    await esbuild().stop();
  }
}

/** How Miniflare is given a bundle. The root has to be its own folder: the runtime refuses a module above its root. */
export function bundledModule(file: string): object {
  return {
    modulesRoot: path.dirname(file),
    modules: [{ type: "ESModule", path: file, contents: readFileSync(file, "utf8") }],
  };
}
