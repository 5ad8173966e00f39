// Migrates and seeds STATE_DIR before the Workers start: one small runtime with nothing but the databases (and the sandbox's
// object), where wrangler would take one process for each. Migrations are recorded as wrangler records them, so that
// `wrangler d1 migrations apply` agrees with what was done here.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import type { V4MiniflareOptions } from "miniflare";
import { unstable_splitSqlQuery as splitSqlQuery } from "wrangler";
import { digestOfSources } from "./bundle.ts";
import { readWranglerFile } from "./configs.ts";
import { DATABASES, ROOT, wranglerFile } from "./workers.ts";

export type DatabaseName = (typeof DATABASES)[keyof typeof DATABASES];

/** As wrangler makes it (its `migrations_table` has this name unless set). */
const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/** Where all data of the local runtime lives; `wrangler dev --persist-to STATE_DIR` adds the `v3` itself. */
export function persistencePath(stateDir: string): string {
  return path.join(stateDir, "v3");
}

function databaseIds(): Record<DatabaseName, string> {
  const entries = Object.entries(DATABASES).map(([worker, database]) => {
    const config = readWranglerFile(wranglerFile(worker as keyof typeof DATABASES));
    return [database, config.d1_databases?.[0]?.database_name ?? ""];
  });
  return Object.fromEntries(entries) as Record<DatabaseName, string>;
}

/** Beside the databases: Workers of this one purpose, such as the sandbox while its payments are brought in. */
export type ExtraWorkers = NonNullable<Extract<V4MiniflareOptions, { workers: unknown }>["workers"]>;

export interface OpenState {
  readonly databases: Readonly<Record<DatabaseName, D1Database>>;
  readonly runtime: Miniflare;
}

/** Runs `work` with every database open and none of the shop's Workers running on them. */
export async function withState<T>(
  stateDir: string,
  extraWorkers: ExtraWorkers,
  work: (state: OpenState) => Promise<T>,
): Promise<T> {
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      resourcePersistencePath: persistencePath(stateDir),
      telemetry: { enabled: false },
      workers: [
        {
          name: "migrations",
          modules: true,
          script: "export default { fetch: () => new Response(null) };",
          compatibilityDate: readWranglerFile(wranglerFile("front")).compatibility_date,
          d1Databases: databaseIds(),
        },
        ...extraWorkers,
      ],
    }),
  );
  try {
    const opened = await Promise.all(
      Object.values(DATABASES).map(async (name) => [name, await runtime.getD1Database(name, "migrations")] as const),
    );
    return await work({ databases: Object.fromEntries(opened) as Record<DatabaseName, D1Database>, runtime });
  } finally {
    await runtime.dispose();
  }
}

/** Applies what is missing, in order, each file with its record in one batch: all of it or nothing. Answers how many. */
export async function applyMigrations(database: D1Database, folder: string): Promise<number> {
  await database.prepare(MIGRATIONS_TABLE).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  const missing = readdirSync(folder)
    .filter((name) => name.endsWith(".sql") && !applied.has(name))
    .toSorted();
  for (const name of missing) {
    const statements = splitSqlQuery(readFileSync(path.join(folder, name), "utf8"));
    await database.batch([
      ...statements.map((statement) => database.prepare(statement)),
      database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name),
    ]);
  }
  return missing.length;
}

/** What STATE_DIR was last brought to; beside the data, so that both go together. */
interface Stamp {
  readonly migrations?: string;
  readonly seed?: string;
}

function stampFile(stateDir: string): string {
  return path.join(persistencePath(stateDir), "tradepost.json");
}

export function readStamp(stateDir: string): Stamp {
  try {
    return JSON.parse(readFileSync(stampFile(stateDir), "utf8")) as Stamp;
  } catch {
    return {};
  }
}

export function writeStamp(stateDir: string, stamp: Stamp): void {
  mkdirSync(persistencePath(stateDir), { recursive: true });
  writeFileSync(stampFile(stateDir), JSON.stringify({ ...readStamp(stateDir), ...stamp }));
}

export function migrationsDigest(): string {
  return digestOfSources(["migrations"]);
}

/** Applies every database's missing migrations. Answers how many. */
export async function migrateAll(databases: OpenState["databases"]): Promise<number> {
  const counts = await Promise.all(
    Object.values(DATABASES).map(async (name) => {
      return await applyMigrations(databases[name], path.join(ROOT, "migrations", name));
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
