// The wrangler files for one environment: with its names, host, variables and database ids, and without anything of the local runtime.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readWranglerFile } from "../local/configs.ts";
import type { WranglerConfig } from "../local/configs.ts";
import { PRODUCTION_WORKERS, ROOT, serviceName, wranglerFile } from "../local/workers.ts";
import { ENVIRONMENTS } from "./environment.ts";
import type { Environment } from "./environment.ts";

export type ProductionWorker = (typeof PRODUCTION_WORKERS)[number];

/** The parts of a configuration that name resources of the account. */
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

/** Resources that have to exist before the Workers. */
export interface Resources {
  readonly databases: readonly string[];
  readonly queues: readonly string[];
  readonly buckets: readonly string[];
}

/** The values in the wrangler files that an environment replaces. */
const HOST_IN_FILES = "shop.example";
const PREFIX_IN_FILES = /^tradepost(?=-)/;
/** Rate limits are counted by namespace of the account, so each environment has a thousand namespace ids of its own. */
const NAMESPACES_PER_ENVIRONMENT = 1_000;

/** Stops a plain `wrangler dev` only (scripts/wrangler-hint.ts). */
const NOT_DEPLOYED = ["build"];

function readConfig(worker: ProductionWorker): DeployedConfig {
  return readWranglerFile(wranglerFile(worker));
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].toSorted();
}

/** The databases, queues with their dead-letter queues, and buckets that the Workers bind, by their names in this environment. */
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

/** The required secrets by Worker. */
export function requiredSecrets(): Map<ProductionWorker, readonly string[]> {
  return new Map(PRODUCTION_WORKERS.map((worker) => [worker, readConfig(worker).secrets?.required ?? []]));
}

/** The Workers, each after those it calls: Cloudflare refuses a binding to a missing Worker. */
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

/** A name of the wrangler files in an environment. Its end stays, because it identifies a dead-letter queue. */
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
 * One Worker's configuration in an environment. `databaseIds` maps names of databases there to ids. A database without an id is only
 * allowed in a dry run.
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

/** The path of an environment's configuration of a Worker, relative to the root. It is not in git. */
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
