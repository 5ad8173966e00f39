// The Workers of the shop and of a local run, and where their files are.
import path from "node:path";
import { PRODUCTION_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";

export { PRODUCTION_WORKERS };

export const ROOT = path.resolve(import.meta.dirname, "../..");

/** What the Worker dev/assets serves, for all runs of this checkout. Made by scripts/local/assets.ts. */
export const LOCAL_ASSETS = path.join(ROOT, ".wrangler/local-assets");

/** The front is first: the first Worker listens on the port. */
export const LOCAL_WORKERS = ["front", ...PRODUCTION_WORKERS, "stripe-sandbox", "mailbox", "assets"] as const;
export type LocalWorker = (typeof LOCAL_WORKERS)[number];

/** The Workers with a database, and its name under migrations/. */
export const DATABASES = {
  accounts: "auth",
  catalog: "product",
  orders: "order",
  payments: "payment",
  inventory: "inventory",
  notifications: "notification",
} as const satisfies Readonly<Record<DomainWorker, string>>;

/** The folder of a Worker, relative to the root. */
export function workerFolder(worker: LocalWorker): string {
  return PRODUCTION_WORKERS.some((name) => name === worker) ? `workers/${worker}` : `dev/${worker}`;
}

/** The wrangler file of a Worker; that of the gateway is at the root. */
export function wranglerFile(worker: LocalWorker): string {
  return worker === "gateway"
    ? path.join(ROOT, "wrangler.toml")
    : path.join(ROOT, workerFolder(worker), "wrangler.toml");
}

export function serviceName(worker: LocalWorker): string {
  return `tradepost-${worker}`;
}
