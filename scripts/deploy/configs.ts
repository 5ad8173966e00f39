// The wrangler files as one environment deploys them: its names, host, variables and database ids put in, and nothing of the local
// runtime. The files in the repo stay the truth about everything else.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readWranglerFile } from "../local/configs.ts";
import type { WranglerConfig } from "../local/configs.ts";
import { PRODUCTION_WORKERS, ROOT, serviceName, wranglerFile } from "../local/workers.ts";
import { ENVIRONMENTS } from "./environment.ts";
import type { Environment } from "./environment.ts";

export type ProductionWorker = (typeof PRODUCTION_WORKERS)[number];

/** The parts of a configuration that name something in the account. */
interface DeployedConfig extends WranglerConfig {
  readonly routes?: readonly { readonly pattern: string; readonly zone_name: string }[];
  readonly queues?: {
    readonly producers?: readonly { readonly queue: string }[];
    readonly consumers?: readonly { readonly queue: string; readonly dead_letter_queue?: string }[];
  };
  readonly r2_buckets?: readonly { readonly bucket_name: string }[];
  readonly ratelimits?: readonly { readonly namespace_id: string }[];
  readonly secrets?: { readonly required?: readonly string[] };
}

/** What a deployment needs to be there before its Workers are. */
export interface Resources {
  readonly databases: readonly string[];
  readonly queues: readonly string[];
  readonly buckets: readonly string[];
}

/** What the wrangler files say where an environment has its own. */
const HOST_IN_FILES = "shop.example";
const PREFIX_IN_FILES = /^tradepost(?=-)/;
/** Rate limits are counted per namespace of the account, so each environment has its own thousand of them. */
const NAMESPACES_PER_ENVIRONMENT = 1_000;

/** Only for who runs a plain `wrangler dev` in the repo. */
const NOT_DEPLOYED = ["build"];

function readConfig(worker: ProductionWorker): DeployedConfig {
  return readWranglerFile(wranglerFile(worker));
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].toSorted();
}

/** Databases, queues (their dead letters too) and buckets that the Workers bind, by their names in this environment. */
export function resourcesOf({ prefix }: Environment): Resources {
  const configs = PRODUCTION_WORKERS.map(readConfig);
  const allNamed = (names: readonly string[]): string[] => unique(names).map((name) => named(name, prefix));
  return {
    databases: allNamed(configs.flatMap(({ d1_databases: d1 }) => (d1 ?? []).map((each) => each.database_name))),
    queues: allNamed(
      configs.flatMap(({ queues }) => [
        ...(queues?.producers ?? []).map(({ queue }) => queue),
        ...(queues?.consumers ?? []).flatMap((each) => [each.queue, each.dead_letter_queue ?? each.queue]),
      ]),
    ),
    buckets: allNamed(configs.flatMap(({ r2_buckets: r2 }) => (r2 ?? []).map((each) => each.bucket_name))),
  };
}

/** The secrets that a Worker cannot do without, by Worker. */
export function requiredSecrets(): Map<ProductionWorker, readonly string[]> {
  return new Map(PRODUCTION_WORKERS.map((worker) => [worker, readConfig(worker).secrets?.required ?? []]));
}

/** The Workers so that each comes after those it calls: a binding to a Worker that is not there is refused. */
export function deploymentOrder(): ProductionWorker[] {
  const ordered: ProductionWorker[] = [];
  const visit = (worker: ProductionWorker): void => {
    if (ordered.includes(worker)) return;
    const called = new Set((readConfig(worker).services ?? []).map(({ service }) => service));
    PRODUCTION_WORKERS.filter((other) => called.has(serviceName(other))).forEach(visit);
    ordered.push(worker);
  };
  PRODUCTION_WORKERS.forEach(visit);
  return ordered;
}

/** A name of the wrangler files as it is in an environment. The end stays: a queue of dead letters is known by it. */
function named(name: string, prefix: string): string {
  return name.replace(PREFIX_IN_FILES, prefix);
}

export function deployedName(worker: ProductionWorker, { prefix }: Environment): string {
  return named(serviceName(worker), prefix);
}

function rename<T extends object>(entries: readonly T[] | undefined, keys: readonly (keyof T)[], prefix: string): T[] {
  return (entries ?? []).map((entry) => {
    const names = keys.flatMap((key) => (entry[key] === undefined ? [] : [[key, named(String(entry[key]), prefix)]]));
    return { ...entry, ...Object.fromEntries(names) };
  });
}

/**
 * One Worker's configuration in an environment. `databaseIds` has the id of each database by its name there; a name without one is
 * left without, which only a dry run may do.
 */
export function deployedConfig(
  worker: ProductionWorker,
  environment: Environment,
  databaseIds: ReadonlyMap<string, string>,
): DeployedConfig {
  const { host, zone, prefix, vars } = environment;
  const source = wranglerFile(worker);
  const config = readConfig(worker);
  const absolute = (relative: string): string => path.resolve(path.dirname(source), relative);
  const kept = Object.entries(config).filter(([key]) => !NOT_DEPLOYED.includes(key));
  const overrides = Object.entries(vars).filter(([name]) => Object.hasOwn(config.vars ?? {}, name));
  return {
    ...(Object.fromEntries(kept) as unknown as DeployedConfig),
    name: deployedName(worker, environment),
    main: absolute(config.main),
    vars: { ...config.vars, ...Object.fromEntries(overrides) },
    ...(config.assets === undefined
      ? {}
      : { assets: { ...config.assets, directory: absolute(config.assets.directory) } }),
    ...(config.routes === undefined
      ? {}
      : {
          routes: config.routes.map(({ pattern }) => ({
            pattern: pattern.replace(HOST_IN_FILES, host),
            zone_name: zone,
          })),
        }),
    services: rename(config.services, ["service"], prefix),
    d1_databases: rename(config.d1_databases, ["database_name"], prefix).map((database) => {
      const id = databaseIds.get(database.database_name);
      return {
        ...database,
        ...(id === undefined ? {} : { database_id: id }),
        ...(database.migrations_dir === undefined ? {} : { migrations_dir: absolute(database.migrations_dir) }),
      };
    }),
    queues: {
      producers: rename(config.queues?.producers, ["queue"], prefix),
      consumers: rename(config.queues?.consumers, ["queue", "dead_letter_queue"], prefix),
    },
    r2_buckets: rename(config.r2_buckets, ["bucket_name"], prefix),
    ratelimits: (config.ratelimits ?? []).map((limit) => ({
      ...limit,
      namespace_id: String(
        Number(limit.namespace_id) + ENVIRONMENTS.indexOf(environment.name) * NAMESPACES_PER_ENVIRONMENT,
      ),
    })),
  };
}

/** Where an environment's configuration of a Worker is written, relative to the root: out of git, in a folder of its own. */
export function configFile(worker: ProductionWorker, { name }: Environment): string {
  return path.join(".wrangler", "environments", name, worker, "wrangler.json");
}

/** Writes all configurations of an environment. */
export function writeConfigs(environment: Environment, databaseIds: ReadonlyMap<string, string>): void {
  for (const worker of PRODUCTION_WORKERS) {
    const file = path.join(ROOT, configFile(worker, environment));
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(deployedConfig(worker, environment, databaseIds), null, 2)}\n`);
  }
}
