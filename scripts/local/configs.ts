// Copies of the wrangler files for a local run, with its paths, variables, secrets and database ids, and with bindings to the Stripe
// sandbox, the mailbox and the static files. So the wrangler files describe production, and no Worker asks whether it runs locally.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "smol-toml";
import type { Settings } from "./settings.ts";
import { LOCAL_ASSETS, LOCAL_WORKERS, PRODUCTION_WORKERS, serviceName, wranglerFile } from "./workers.ts";
import type { LocalWorker } from "./workers.ts";

interface Service {
  readonly binding: string;
  readonly service: string;
  readonly entrypoint?: string;
}

interface Database {
  readonly binding: string;
  readonly database_name: string;
  readonly migrations_dir?: string;
}

/** The parts of a wrangler file that the scripts read. The rest is copied unchanged. */
export interface WranglerConfig {
  readonly name: string;
  readonly main: string;
  readonly compatibility_date: string;
  readonly vars?: Readonly<Record<string, string>>;
  readonly services?: readonly Service[];
  readonly d1_databases?: readonly Database[];
  readonly send_email?: readonly { readonly name: string }[];
  readonly assets?: { readonly directory: string; readonly binding: string };
  readonly triggers?: { readonly crons: readonly string[] };
  readonly [key: string]: unknown;
}

export interface LocalConfig {
  readonly worker: LocalWorker;
  /** Path of the local copy. */
  readonly file: string;
  readonly config: WranglerConfig;
}

/**
 * Keys for production only. With `routes` the local runtime would match host names, secrets have a file of their own, and the
 * runtime's `send_email` would write each mail into files.
 */
const PRODUCTION_ONLY = ["routes", "secrets", "workers_dev", "preview_urls", "observability", "build", "send_email"];

const SANDBOX: LocalWorker = "stripe-sandbox";
const MAILBOX: LocalWorker = "mailbox";
const ASSETS: LocalWorker = "assets";

export function readWranglerFile(file: string): WranglerConfig {
  return parse(readFileSync(file, "utf8")) as unknown as WranglerConfig;
}

/** The Workers of this run: without the sandbox when a Stripe key is set. */
export function localWorkers(settings: Settings): LocalWorker[] {
  return LOCAL_WORKERS.filter((worker) => settings.sandbox || worker !== SANDBOX);
}

function localServices(worker: LocalWorker, config: WranglerConfig, settings: Settings): Service[] {
  const sandbox = serviceName(SANDBOX);
  const services = (config.services ?? []).filter(({ service }) => settings.sandbox || service !== sandbox);
  const mails = (config.send_email ?? []).map(({ name }) => ({
    binding: name,
    service: serviceName(MAILBOX),
    entrypoint: "MailboxRpc",
  }));
  // Stands in for Twilio and the push services. No production configuration has this binding.
  const providers =
    worker === "notifications"
      ? [{ binding: "PROVIDERS", service: serviceName(MAILBOX), entrypoint: "MailboxProviders" }]
      : [];
  const files =
    worker === ASSETS || config.assets === undefined
      ? []
      : [{ binding: config.assets.binding, service: serviceName(ASSETS) }];
  const stripe = worker === "payments" && settings.sandbox ? [{ binding: "STRIPE_SANDBOX", service: sandbox }] : [];
  return [...services, ...mails, ...providers, ...files, ...stripe];
}

/** The cron expressions of all Workers, for the scheduler of dev/front. */
function cronsByWorker(): string {
  return JSON.stringify(
    Object.fromEntries(
      PRODUCTION_WORKERS.map((worker) => [worker, readWranglerFile(wranglerFile(worker)).triggers?.crons ?? []]),
    ),
  );
}

/** The wrangler file of one Worker, changed for this run. */
export function localConfig(worker: LocalWorker, settings: Settings): WranglerConfig {
  const source = wranglerFile(worker);
  const config = readWranglerFile(source);
  const absolute = (relative: string): string => path.resolve(path.dirname(source), relative);
  const declared = Object.keys(config.vars ?? {});
  const overrides = Object.entries(settings.variables).filter(([name]) => declared.includes(name));
  const kept = Object.entries(config).filter(([key]) => !PRODUCTION_ONLY.includes(key) && key !== "assets");
  return {
    ...(Object.fromEntries(kept) as unknown as WranglerConfig),
    main: absolute(config.main),
    vars: {
      ...config.vars,
      ...Object.fromEntries(overrides),
      ...(worker === "front" ? { CRONS: cronsByWorker() } : {}),
    },
    services: localServices(worker, config, settings),
    // The local runtime stores a database under its id. A fixed id lets dev, start and `d1 migrations apply` share the data.
    d1_databases: (config.d1_databases ?? []).map((database) => ({
      ...database,
      database_id: database.database_name,
      ...(database.migrations_dir === undefined ? {} : { migrations_dir: absolute(database.migrations_dir) }),
    })),
    ...(worker === ASSETS && config.assets !== undefined
      ? { assets: { ...config.assets, directory: LOCAL_ASSETS } }
      : {}),
  };
}

/** Writes secrets into `.dev.vars`: wrangler prints variables at its start, but not these. */
function writeSecrets(file: string, secrets: Readonly<Record<string, string>>): void {
  rmSync(file, { force: true });
  if (Object.keys(secrets).length === 0) return;
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`);
  writeFileSync(file, lines.join(""), { mode: 0o600 });
}

/** Writes the local copies under STATE_DIR/config; the front's is the first. */
export function writeConfigs(settings: Settings): LocalConfig[] {
  return localWorkers(settings).map((worker) => {
    const config = localConfig(worker, settings);
    const file = path.join(settings.stateDir, "config", worker, "wrangler.json");
    mkdirSync(path.dirname(file), { recursive: true });
    writeSecrets(path.join(path.dirname(file), ".dev.vars"), settings.secrets[worker] ?? {});
    writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
    return { worker, file, config };
  });
}
