// All Workers together, in the runtime of `npm start`, on migrated and seeded data that is removed at the end. A test file fails when
// a Worker calls the outside world, or when the OpenAPI document does not describe a response.
import { setTimeout as pause } from "node:timers/promises";
import { CONSUMERS, IS_COUNTED, consumersOf } from "#shared/events/routing";
import type { Consumer, Routed } from "#shared/events/routing";
import { startRuntime } from "../scripts/local/runtime.ts";
import type { Around } from "../scripts/local/runtime.ts";
import { makeScratch } from "../scripts/local/scratch.ts";
import type { Scratch } from "../scripts/local/scratch.ts";
import type { Environment } from "../scripts/local/settings.ts";
import { DATABASES } from "../scripts/local/workers.ts";
import { waitUntilReady } from "../scripts/local/session.ts";
import { Client, openShelf, runSweeps, signIn } from "../scripts/shop/client.ts";
import type { Send, Shelf } from "../scripts/shop/client.ts";
import { undescribed } from "./described.ts";
import { connectSql, sqlWorker } from "./sql.ts";
import type { Query, Store } from "./sql.ts";
import { setFaults } from "./stripe.ts";

/** Without limits that a test would meet by its speed, and with cheap password hashes, because tests make hundreds of accounts. */
export const UNHINDERED = { RATE_LIMITS: "off", ORDER_CAPS: "off", SCRYPT_LOG2N: "4" } as const;

/** A line that a Worker logged; see shared/logger.ts. */
export interface LogEntry {
  readonly level: string;
  readonly worker?: string;
  readonly operation?: string;
  readonly correlationId?: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface Shop {
  readonly origin: string;
  /** `fetch` against the local door. */
  readonly send: Send;
  /** Runs all sweeps of a Worker, ignoring age and back-off, and returns their counts. */
  cron(worker: string): Promise<Readonly<Record<string, number>>>;
  readonly query: Query;
  /** Waits until every event has reached its consumers and no projection can still be pending. */
  quiet(timeoutMs?: number): Promise<void>;
  /** Lines logged since the start or the last clearLogs. LOG_LEVEL decides which lines exist. */
  logs(): LogEntry[];
  clearLogs(): void;
  /** @throws Error when a Worker called outside, or a response was not as the OpenAPI document describes it. */
  close(): Promise<void>;
}

/** A projection follows its object within a second; a mail follows its event at once. */
const STILLNESS_MS = 1_500;
const POLL_MS = 50;

function toEntry(line: string): LogEntry {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === "object" && entry !== null && "message" in entry) return entry as LogEntry;
  } catch {
    // A line of the runtime itself.
  }
  return { level: "runtime", message: line };
}

interface RunningShop extends Shop {
  /** What `close` throws, without closing; clears the record. */
  requireNoSurprise(): Promise<void>;
}

/** Counts the events that a consumer has neither handled nor put among its dead letters. */
export async function undelivered({ query }: Pick<Shop, "query">): Promise<number> {
  const stores = Object.keys(DATABASES) as Store[];
  const producers = await Promise.all(
    stores.map((store) =>
      query<Routed & { id: string }>(store, `SELECT id, type, ${IS_COUNTED} AS counted FROM unconfirmed_events`),
    ),
  );
  const events = producers.flat();
  const missing = await Promise.all(
    CONSUMERS.map(async (consumer: Consumer) => {
      const ids = events.filter((event) => consumersOf(event).includes(consumer)).map(({ id }) => id);
      if (ids.length === 0) return 0;
      const [row] = await query<{ known: number }>(
        consumer,
        `SELECT count(*) AS known FROM json_each(?) AS event WHERE event.value IN (SELECT event_id FROM inbox)
          OR event.value IN (SELECT event_id FROM dead_letters)`,
        JSON.stringify(ids),
      );
      return ids.length - (row?.known ?? 0);
    }),
  );
  return missing.reduce((sum, count) => sum + count, 0);
}

/** Differs after every event that was published or handled. */
async function progressOf({ query }: Pick<Shop, "query">): Promise<string> {
  const counts = (Object.keys(DATABASES) as Store[]).map((store) =>
    query(store, "SELECT (SELECT count(*) FROM outbox) AS published, (SELECT count(*) FROM inbox) AS handled"),
  );
  return JSON.stringify(await Promise.all(counts));
}

/** Starts every Worker on the data of a scratch directory, which the caller removes. */
export async function runShop(scratch: Scratch, around?: Around): Promise<RunningShop> {
  const origin = `http://127.0.0.1:${String(scratch.settings.port)}`;
  const outbound = new Set<string>();
  const surprises = new Set<string>();
  const checks = new Set<Promise<void>>();
  let entries: LogEntry[] = [];
  let lastActivity = Date.now();
  const runtime = await startRuntime({
    configs: scratch.configs,
    bundles: scratch.bundles,
    stateDir: scratch.settings.stateDir,
    port: scratch.settings.port,
    around,
    beside: sqlWorker(scratch.configs),
    onLog: (line) => {
      lastActivity = Date.now();
      entries.push(toEntry(line));
    },
    onOutbound: (address) => {
      outbound.add(address);
      return new Response(null, { status: 502 });
    },
  });
  const query = await connectSql(runtime);
  const check = async (method: string, path: string, answer: Response): Promise<void> => {
    const surprise = await undescribed(method, new URL(`${origin}${path}`).pathname, answer);
    if (surprise !== undefined) surprises.add(surprise);
  };
  const send: Send = async (path, init) => {
    lastActivity = Date.now();
    const answer = await fetch(`${origin}${path}`, init);
    // A response cut off because the test ended the runtime is not checked.
    const checked = check(init?.method ?? "GET", path, answer.clone()).catch(() => undefined);
    checks.add(checked);
    void checked.finally(() => checks.delete(checked));
    return answer;
  };
  const requireNoSurprise = async (): Promise<void> => {
    await Promise.all(checks);
    const complaints = [
      ...[...outbound].map((address) => `a Worker called ${address}`),
      ...[...surprises].map((surprise) => `the OpenAPI document does not describe: ${surprise}`),
    ];
    outbound.clear();
    surprises.clear();
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
  };
  const close = async (): Promise<void> => {
    try {
      await Promise.all(checks);
    } finally {
      await runtime.dispose();
    }
    await requireNoSurprise();
  };
  try {
    await waitUntilReady(origin, () => false);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    origin,
    send,
    query,
    requireNoSurprise,
    close,
    cron: (worker) => runSweeps(send, worker),
    async quiet(timeoutMs = 30_000) {
      const deadline = Date.now() + timeoutMs;
      let last = await progressOf({ query });
      for (;;) {
        const missing = await undelivered({ query });
        const progress = await progressOf({ query });
        if (missing > 0 || progress !== last) lastActivity = Date.now();
        last = progress;
        const leftMs = lastActivity + STILLNESS_MS - Date.now();
        if (leftMs <= 0) return;
        if (Date.now() > deadline)
          throw new Error(`not quiet after ${String(timeoutMs)} ms, ${String(missing)} undelivered`);
        // Each look costs a dozen queries, so there is none before it can be the last.
        await pause(missing > 0 ? POLL_MS : leftMs);
      }
    },
    logs: () => entries,
    clearLogs() {
      entries = [];
    },
  };
}

interface StartOptions {
  readonly seed: boolean;
}

/** Removes the directory at the end, also when the process ends first; Miniflare then ends the runtime by itself. */
async function startOn(
  environment: Environment,
  { seed }: StartOptions,
): Promise<{ readonly shop: RunningShop; readonly remove: () => void }> {
  const variables = { ...UNHINDERED, LOG_LEVEL: "warn", ...environment };
  const { remove, ...scratch } = await makeScratch(variables, { seed });
  process.once("exit", remove);
  try {
    return { shop: await runShop({ remove, ...scratch }), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/**
 * Starts every Worker on fresh data of its own. `environment` takes the variables of a run (LOG_LEVEL, CART_TTL_SECONDS, ...); those of
 * UNHINDERED apply unless it says otherwise.
 */
export async function startShop(environment: Environment = {}, options: StartOptions = { seed: true }): Promise<Shop> {
  const { shop, remove } = await startOn(environment, options);
  const close = async (): Promise<void> => {
    try {
      await shop.close();
    } finally {
      remove();
    }
  };
  return { ...shop, close };
}

/** A shop with a client signed in as its admin, and products for the tests to take. */
export interface OpenShop {
  readonly shop: Shop;
  readonly admin: Client;
  readonly shelf: Shelf;
}

async function adminOf({ send }: Pick<Shop, "send">): Promise<Client> {
  return await signIn(new Client(send), "admin@example.com", "Admin123!");
}

/** A shop for this test file alone: for files that set variables, read logs or figures of the whole shop, or change what is seeded. */
export async function openShop(environment: Environment = {}): Promise<OpenShop> {
  const shop = await startShop(environment);
  const admin = await adminOf(shop);
  return { shop, admin, shelf: await openShelf(admin) };
}

interface Shared {
  readonly shop: RunningShop;
  readonly shelf: Shelf;
}

let shared: Promise<Shared> | undefined;

async function startShared(): Promise<Shared> {
  const { shop } = await startOn({}, { seed: true });
  return { shop, shelf: await openShelf(await adminOf(shop)) };
}

/**
 * The shop that the test files of this process share, with the default settings: started for the first file and left running until
 * the process ends. The shelf gives each product once. A file takes products from the shelf and buyers of its own, and expects
 * neither counts of the whole shop nor seeded data that other files change.
 */
export async function openSharedShop(): Promise<OpenShop> {
  shared ??= startShared();
  const { shop, shelf } = await shared;
  const close = async (): Promise<void> => {
    // A test that failed may have left a fault on.
    await setFaults(shop.send, { webhooks: "deliver", answers: "ok" });
    await shop.requireNoSurprise();
  };
  return { shop: { ...shop, close }, admin: await adminOf(shop), shelf };
}
