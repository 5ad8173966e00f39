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

/** A state directory that is made once and then copied. */
export interface Template {
  /** The beginning of its name. A template replaces those of the same kind. */
  readonly kind: string;
  /** What it is made from, as paths in the repo: another digest makes another template. */
  readonly sources: readonly string[];
  /** The times in the seed depend on the day. */
  readonly isDaily: boolean;
  readonly make: (settings: Settings) => Promise<void>;
}

const silent = (): void => {};

const EMPTY: Template = {
  kind: "empty",
  sources: ["migrations", "scripts/local"],
  isDaily: false,
  make: async (settings) => await prepareState(settings, writeConfigs(settings), { seed: false, say: silent }),
};

export const SEEDED: Template = {
  kind: "seeded",
  sources: [...EMPTY.sources, "scripts/seed", "dev/stripe-sandbox/src"],
  isDaily: true,
  make: async (settings) => await prepareState(settings, writeConfigs(settings), { seed: true, say: silent }),
};

/** The folder of the template for this checkout. It is made when it does not exist. */
export async function folderOf({ kind, sources, isDaily, make }: Template): Promise<string> {
  const day = isDaily ? `${new Date().toISOString().slice(0, 10)}-` : "";
  const folder = path.join(CACHE, `${kind}-${day}${digestOfSources(sources).slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  for (const old of readdirSync(CACHE)) {
    if (old.startsWith(`${kind}-`)) rmSync(path.join(CACHE, old), { recursive: true, force: true });
  }
  const making = mkdtempSync(path.join(CACHE, "making-"));
  await make(readSettings({ STATE_DIR: making }));
  // Another process may have made it at the same time.
  if (existsSync(folder)) rmSync(making, { recursive: true });
  else renameSync(making, folder);
  return folder;
}

/** A fresh state directory on a free port, with the bundles of the present sources. */
export async function makeScratch(environment: Environment, options: { readonly seed: boolean }): Promise<Scratch> {
  return await copyTemplate(environment, options.seed ? SEEDED : EMPTY);
}

/** The same on a copy of this template. */
export async function copyTemplate(environment: Environment, template: Template): Promise<Scratch> {
  const folder = await folderOf(template);
  const stateDir = mkdtempSync(path.join(tmpdir(), "tradepost-"));
  cpSync(persistencePath(folder), persistencePath(stateDir), { recursive: true });
  const settings = readSettings({ ...environment, PORT: String(await findFreePort()), STATE_DIR: stateDir });
  const configs = writeConfigs(settings);
  buildLocalAssets();
  const bundles = await bundleWorkers(configs, path.join(CACHE, "bundles"));
  cpSync(path.join(CACHE, "bundles"), path.join(stateDir, "bundles"), { recursive: true });
  return { settings, configs, bundles, remove: () => rmSync(stateDir, { recursive: true, force: true }) };
}
