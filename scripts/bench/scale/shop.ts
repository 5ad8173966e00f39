// A shop of a given size for the measurement: the seed, grown, in a runtime of this process. The grown data are kept for the next run.
import { setTimeout as pause } from "node:timers/promises";
import { cpSync, readdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Miniflare } from "miniflare";
import { writeConfigs } from "../../local/configs.ts";
import { startRuntime } from "../../local/runtime.ts";
import { SEEDED, copyTemplate, folderOf } from "../../local/scratch.ts";
import type { Scratch, Template } from "../../local/scratch.ts";
import { waitUntilReady } from "../../local/session.ts";
import { readSettings } from "../../local/settings.ts";
import { persistencePath } from "../../local/state.ts";
import type { DatabaseName } from "../../local/state.ts";
import { DATABASES, serviceName } from "../../local/workers.ts";
import { grow } from "./data.ts";
import type { Query } from "./reads.ts";

const STILL_MS = 60;
const STILL_TIMEOUT_MS = 20_000;

/** A table that only this database has. */
const OWN_TABLE: Readonly<Record<DatabaseName, string>> = {
  auth: "users",
  product: "products",
  inventory: "stock_levels",
  order: "orders",
  payment: "payments",
  notification: "notifications",
};

/** The files of a state's databases. The runtime names them by a hash, so each is known by its tables. */
function openFiles(stateDir: string): Record<DatabaseName, DatabaseSync> {
  const folder = path.join(persistencePath(stateDir), "d1");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".sqlite") && path.basename(file) !== "metadata.sqlite",
  );
  const opened = files.map((file) => new DatabaseSync(path.join(folder, file)));
  const entries = Object.entries(OWN_TABLE).map(([name, table]) => {
    const found = opened.find(
      (file) => file.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(table) !== undefined,
    );
    if (found === undefined) throw new Error(`the database ${name} has no file`);
    return [name, found] as const;
  });
  return Object.fromEntries(entries) as Record<DatabaseName, DatabaseSync>;
}

function grown(factor: number): Template {
  return {
    kind: `times-${String(factor)}`,
    sources: [...SEEDED.sources, "scripts/bench/scale/data.ts", "scripts/bench/scale/copies.ts"],
    isDaily: true,
    make: async (settings) => {
      cpSync(persistencePath(await folderOf(SEEDED)), persistencePath(settings.stateDir), { recursive: true });
      const files = openFiles(settings.stateDir);
      grow(files, factor);
      for (const file of Object.values(files)) file.close();
    },
  };
}

/** A copy of the grown data, which the caller removes. */
export async function makeShop(factor: number): Promise<Scratch> {
  return await copyTemplate({ RATE_LIMITS: "off", ORDER_CAPS: "off" }, grown(factor));
}

/** What the requests since the last `clear` cost in D1. */
export interface Spent {
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

export interface RunningShop {
  readonly origin: string;
  readonly query: Query;
  /** Forgets what was spent. */
  readonly clear: () => void;
  /** What was spent, once nothing more is logged. Zero unless the level is `debug`. */
  readonly spent: () => Promise<Spent>;
  readonly close: () => Promise<void>;
}

interface CostLine {
  readonly message?: string;
  readonly rowsRead?: number;
  readonly rowsWritten?: number;
}

function costOf(line: string): Spent {
  if (!line.includes('"cost"')) return { rowsRead: 0, rowsWritten: 0 };
  const { rowsRead = 0, rowsWritten = 0 } = JSON.parse(line) as CostLine;
  return { rowsRead, rowsWritten };
}

/** Starts all Workers on these data; no cron runs. Latencies are measured at the level `warn`, costs at `debug`, which is slower. */
export async function startShop(scratch: Scratch, level: "warn" | "debug"): Promise<RunningShop> {
  const { port, stateDir } = scratch.settings;
  const variables = { RATE_LIMITS: "off", ORDER_CAPS: "off", LOG_LEVEL: level };
  const settings = readSettings({ ...variables, PORT: String(port), STATE_DIR: stateDir });
  let rowsRead = 0;
  let rowsWritten = 0;
  let lastLine = 0;
  const runtime: Miniflare = await startRuntime({
    configs: writeConfigs(settings),
    bundles: scratch.bundles,
    stateDir,
    port,
    onLog: (line) => {
      lastLine = performance.now();
      const cost = costOf(line);
      rowsRead += cost.rowsRead;
      rowsWritten += cost.rowsWritten;
    },
  });
  const origin = `http://127.0.0.1:${String(port)}`;
  await waitUntilReady(origin, () => false);
  const workers = new Map(Object.entries(DATABASES).map(([worker, database]) => [database, worker]));
  return {
    origin,
    query: async <Row>(database: DatabaseName, sql: string) => {
      const worker = workers.get(database) as keyof typeof DATABASES;
      const binding: D1Database = await runtime.getD1Database("DB", serviceName(worker));
      return (await binding.prepare(sql).all<Row>()).results;
    },
    clear: () => {
      rowsRead = 0;
      rowsWritten = 0;
    },
    spent: async () => {
      lastLine = performance.now();
      const deadline = lastLine + STILL_TIMEOUT_MS;
      while (performance.now() - lastLine < STILL_MS && performance.now() < deadline) {
        await pause(STILL_MS / 4);
      }
      return { rowsRead, rowsWritten };
    },
    close: async () => await runtime.dispose(),
  };
}
