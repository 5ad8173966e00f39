// Bundles the Workers for `npm start` and the e2e tests with wrangler's own esbuild and its settings for a deploy. It takes 0.3
// CPU-seconds a Worker, and nothing when the sources are unchanged; `wrangler deploy --dry-run` takes 1.6.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type * as Esbuild from "esbuild";
import type { LocalConfig } from "./configs.ts";
import { ROOT, workerFolder } from "./workers.ts";

const require = createRequire(import.meta.url);

/** The version that wrangler depends on; node_modules may have another one at its top. */
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

/** A digest of these files and of all files under these folders, by path and content. A path without an extension is a folder. */
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
    // No tsconfig: a bundle depends on the sources alone.
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
 * Bundles the Workers whose sources changed into `outDir`, one `<worker>.js` each. Returns the path of every bundle.
 * @throws the error of esbuild when a Worker does not build.
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
    // Otherwise the process of esbuild keeps this one alive.
    await esbuild().stop();
  }
}

/** The module options of Miniflare for a bundle. The root is the bundle's folder: the runtime refuses modules outside of the root. */
export function bundledModule(file: string): object {
  return {
    modulesRoot: path.dirname(file),
    modules: [{ type: "ESModule", path: file, contents: readFileSync(file, "utf8") }],
  };
}
