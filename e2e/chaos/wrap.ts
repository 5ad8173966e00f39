// Wraps the bundle of a Worker: a small main module imports the bundle and the module with the faults, and replaces the main module of
// the bundle in Miniflare. Bundle and configuration stay unchanged.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type * as Esbuild from "esbuild";
import type { Around } from "../../scripts/local/runtime.ts";
import { PRODUCTION_WORKERS } from "../../scripts/local/workers.ts";
import type { LocalWorker } from "../../scripts/local/workers.ts";
import type { Options } from "./inside.ts";

const require = createRequire(import.meta.url);

/** esbuild ends a module with the list of its exports. */
const EXPORTS = /^export \{(?<names>[^}]*)\};$/m;

const insideModules = new Map<string, string>();

/** Bundles a module that runs inside of a Worker; cached by its path. */
function insideModule(entry: string): string {
  const esbuild = createRequire(require.resolve("wrangler"))("esbuild") as typeof Esbuild;
  const made =
    insideModules.get(entry) ??
    esbuild
      .buildSync({
        entryPoints: [entry],
        bundle: true,
        write: false,
        format: "esm",
        target: "es2024",
        tsconfigRaw: {},
        external: ["cloudflare:*"],
      })
      .outputFiles.map(({ text }) => text)
      .join("");
  insideModules.set(entry, made);
  return made;
}

/** The exports of a bundle without its default. */
export function exportedClasses(bundle: string): string[] {
  const names = EXPORTS.exec(bundle)?.groups?.["names"];
  if (names === undefined) throw new Error("the bundle has no list of exports");
  return names
    .split(",")
    .map(
      (entry) =>
        entry
          .trim()
          .split(/\s+as\s+/)
          .at(-1) ?? "",
    )
    .filter((name) => name !== "" && name !== "default");
}

function mainModule(bundle: string, file: string, options: object): string {
  return [
    `import * as bundle from ${JSON.stringify(`./${path.basename(file)}`)};`,
    `import { Inside } from ${JSON.stringify("./inside.js")};`,
    `const inside = new Inside(${JSON.stringify(options)});`,
    `export default inside.handlers(bundle.default);`,
    ...exportedClasses(bundle).map((name) => `export const ${name} = inside.wrap(bundle.${name});`),
  ].join("\n");
}

/** Responds to the report of a step: 204 lets it pass, any other status makes it throw. It waits until the response. */
export type Control = (request: { readonly url: string; text(): Promise<string> }) => Promise<Response>;

function isOurs(worker: LocalWorker): boolean {
  return PRODUCTION_WORKERS.some((name) => name === worker);
}

/** A module with a class `Inside`, the argument of its constructor, and bindings that lead to the test. */
export interface Wrapping {
  readonly entry: string;
  readonly options: object;
  readonly bindings: Readonly<Record<string, Control>>;
}

/** The Miniflare options of a Worker with its bundle wrapped. */
export function wrapped({ entry, options, bindings }: Wrapping, file: string, plain: object): object {
  const bundle = readFileSync(file, "utf8");
  const folder = path.dirname(file);
  const { serviceBindings } = plain as { readonly serviceBindings?: object };
  return {
    ...plain,
    serviceBindings: { ...serviceBindings, ...bindings },
    modules: [
      { type: "ESModule", path: file.replace(/\.js$/, ".wrapped.js"), contents: mainModule(bundle, file, options) },
      { type: "ESModule", path: path.join(folder, "inside.js"), contents: insideModule(entry) },
      { type: "ESModule", path: file, contents: bundle },
    ],
  };
}

/** Wraps each Worker of a chaos shop, for runShop. */
export function around(options: Omit<Options, "worker" | "isOurs">, control: Control): Around {
  const entry = path.join(import.meta.dirname, "inside.ts");
  return (worker, file, plain) =>
    wrapped(
      { entry, options: { ...options, worker, isOurs: isOurs(worker) }, bindings: { CHAOS: control } },
      file,
      plain,
    );
}
