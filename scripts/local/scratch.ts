// State directories for tests and the benchmark. Each is a copy of one template, which is migrated and seeded once.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildLocalAssets } from "./assets.ts";
import { bundleWorkers, digestOfSources } from "./bundle.ts";
import { writeConfigs } from "./configs.ts";
import type { LocalConfig } from "./configs.ts";
import { prepareState } from "./prepare.ts";
import { findFreePort } from "./processes.ts";
import { readSettings } from "./settings.ts";
import type { Environment, Settings } from "./settings.ts";
import { persistencePath } from "./state.ts";
import { ROOT } from "./workers.ts";

const CACHE = path.join(ROOT, ".wrangler/scratch");

export interface Scratch {
  readonly settings: Settings;
  readonly configs: readonly LocalConfig[];
  readonly bundles: ReadonlyMap<string, string>;
  /** Removes the directory. */
  readonly remove: () => void;
}

/** The folder with the migrated databases of this checkout. It is made when it does not exist. */
async function template({ seed }: { readonly seed: boolean }): Promise<string> {
  const digest = digestOfSources([
    "migrations",
    "scripts/local",
    ...(seed ? ["scripts/seed", "dev/stripe-sandbox/src"] : []),
  ]);
  // The times in the seed depend on the day.
  const name = `${seed ? `seeded-${new Date().toISOString().slice(0, 10)}` : "empty"}-${digest.slice(0, 16)}`;
  const folder = path.join(CACHE, name);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  for (const old of readdirSync(CACHE)) {
    if (old.startsWith(seed ? "seeded-" : "empty-")) rmSync(path.join(CACHE, old), { recursive: true, force: true });
  }
  const making = mkdtempSync(path.join(CACHE, "making-"));
  const settings = readSettings({ STATE_DIR: making });
  await prepareState(settings, writeConfigs(settings), { seed, say: () => {} });
  // Another process may have made it at the same time.
  if (existsSync(folder)) rmSync(making, { recursive: true });
  else renameSync(making, folder);
  return folder;
}

/** A fresh state directory on a free port, with the bundles of the present sources. */
export async function makeScratch(environment: Environment, options: { readonly seed: boolean }): Promise<Scratch> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "tradepost-"));
  cpSync(persistencePath(await template(options)), persistencePath(stateDir), { recursive: true });
  const settings = readSettings({ ...environment, PORT: String(await findFreePort()), STATE_DIR: stateDir });
  const configs = writeConfigs(settings);
  buildLocalAssets();
  const bundles = await bundleWorkers(configs, path.join(CACHE, "bundles"));
  cpSync(path.join(CACHE, "bundles"), path.join(stateDir, "bundles"), { recursive: true });
  return { settings, configs, bundles, remove: () => rmSync(stateDir, { recursive: true, force: true }) };
}
