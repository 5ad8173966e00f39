// All Workers together, in the runtime that `npm start` uses, on data of their own: migrated, seeded, and gone at the end. What a
// Worker fetches from outside fails, and fails the run; so does an answer that the OpenAPI document does not describe.
import { CONSUMERS, ROUTED_COLUMNS, consumersOf } from "#shared/events/routing";
import type { Consumer, Routed } from "#shared/events/routing";
import { startRuntime } from "../scripts/local/runtime.ts";
import type { Around } from "../scripts/local/runtime.ts";
import { makeScratch } from "../scripts/local/scratch.ts";
import type { Scratch } from "../scripts/local/scratch.ts";
import type { Environment } from "../scripts/local/settings.ts";
import { DATABASES, serviceName } from "../scripts/local/workers.ts";
import { waitUntilReady } from "../scripts/local/session.ts";
import { Client, openShelf, runSweeps, signIn } from "../scripts/shop/client.ts";
import type { Send, Shelf } from "../scripts/shop/client.ts";
import { undescribed } from "./described.ts";

/** A Worker that has a database. */
export type Store = keyof typeof DATABASES;

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
  /** Runs all sweeps of a Worker over everything open, and answers the counts. */
  cron(worker: string): Promise<Readonly<Record<string, number>>>;
  /** Runs SQL on a Worker's database, past the Worker. */
  query<Row extends object>(worker: Store, sql: string, ...parameters: unknown[]): Promise<Row[]>;
  /** Waits until every event has reached its consumers and nothing has happened since for longer than any projection waits. */
  quiet(timeoutMs?: number): Promise<void>;
  /** What was logged since the start or the last clearLogs; LOG_LEVEL decides what there is. */
  logs(): LogEntry[];
  clearLogs(): void;
  close(): Promise<void>;
}

/** Projections follow their object within a second, and mails their event at once. */
const STILLNESS_MS = 1_500;
const POLL_MS = 50;

function toEntry(line: string): LogEntry {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === "object" && entry !== null && "message" in entry) return entry as LogEntry;
  } catch {
    // Not one of ours: the runtime's own words.
  }
  return { level: "runtime", message: line };
}

type Query = Shop["query"];

/** Events that some consumer has neither handled nor given up on. */
export async function undelivered({ query }: Pick<Shop, "query">): Promise<number> {
  const stores = Object.keys(DATABASES) as Store[];
  const producers = await Promise.all(
    stores.map((store) =>
      query<Routed & { id: string }>(store, `SELECT id, ${ROUTED_COLUMNS} FROM outbox WHERE confirmed_at IS NULL`),
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

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Starts every Worker on the data of a scratch, which stays when the shop is closed. */
export async function runShop(scratch: Scratch, around?: Around): Promise<Shop> {
  const origin = `http://127.0.0.1:${String(scratch.settings.port)}`;
  const outbound: string[] = [];
  let entries: LogEntry[] = [];
  let lastActivity = Date.now();
  const runtime = await startRuntime({
    configs: scratch.configs,
    bundles: scratch.bundles,
    stateDir: scratch.settings.stateDir,
    port: scratch.settings.port,
    around,
    onLog: (line) => {
      lastActivity = Date.now();
      entries.push(toEntry(line));
    },
    onOutbound: (address) => {
      outbound.push(address);
      return new Response(null, { status: 502 });
    },
  });
  const query: Query = async <Row extends object>(worker: Store, sql: string, ...parameters: unknown[]) => {
    const database: D1Database = await runtime.getD1Database("DB", serviceName(worker));
    const { results } = await database
      .prepare(sql)
      .bind(...parameters)
      .all<Row>();
    return results;
  };
  const surprises = new Set<string>();
  const checks = new Set<Promise<void>>();
  const check = async (method: string, path: string, answer: Response): Promise<void> => {
    const surprise = await undescribed(method, new URL(`${origin}${path}`).pathname, answer);
    if (surprise !== undefined) surprises.add(surprise);
  };
  const send: Send = async (path, init) => {
    lastActivity = Date.now();
    const answer = await fetch(`${origin}${path}`, init);
    // Half an answer, of a runtime that is ended meanwhile, is the test's own affair.
    const checked = check(init?.method ?? "GET", path, answer.clone()).catch(() => undefined);
    checks.add(checked);
    void checked.finally(() => checks.delete(checked));
    return answer;
  };
  const close = async (): Promise<void> => {
    await Promise.all(checks);
    await runtime.dispose();
    if (outbound.length > 0) throw new Error(`the Workers called outside: ${outbound.join(", ")}`);
    if (surprises.size > 0)
      throw new Error(`answers that the document does not describe:\n${[...surprises].join("\n")}`);
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
    close,
    cron: (worker) => runSweeps(send, worker),
    async quiet(timeoutMs = 30_000) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const missing = await undelivered({ query });
        if (missing > 0) lastActivity = Date.now();
        else if (Date.now() - lastActivity >= STILLNESS_MS) return;
        if (Date.now() > deadline)
          throw new Error(`not quiet after ${String(timeoutMs)} ms, ${String(missing)} undelivered`);
        await pause(POLL_MS);
      }
    },
    logs: () => entries,
    clearLogs() {
      entries = [];
    },
  };
}

/**
 * Starts every Worker on fresh data, gone at the end. `environment` takes what a run takes (LOG_LEVEL, CART_TTL_SECONDS, ...); rate
 * limits and caps on orders are off unless it says otherwise. Seeded unless `seed` is false.
 */
export async function startShop(environment: Environment = {}, seed = true): Promise<Shop> {
  const scratch = await makeScratch({ RATE_LIMITS: "off", ORDER_CAPS: "off", LOG_LEVEL: "warn", ...environment }, seed);
  try {
    const shop = await runShop(scratch);
    const close = async (): Promise<void> => {
      try {
        await shop.close();
      } finally {
        scratch.remove();
      }
    };
    return { ...shop, close };
  } catch (error) {
    scratch.remove();
    throw error;
  }
}

/** A shop with its admin at work and products to take. */
export async function openShop(
  environment: Environment = {},
): Promise<{ readonly shop: Shop; readonly admin: Client; readonly shelf: Shelf }> {
  const shop = await startShop(environment);
  const admin = await signIn(new Client(shop.send), "admin@example.com", "Admin123!");
  return { shop, admin, shelf: await openShelf(admin) };
}
