// Opens the databases of STATE_DIR in one small runtime, and migrates them; wrangler would need a process for each. Migrations are
// recorded as wrangler records them, so that `wrangler d1 migrations apply` knows of them.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import type { V4MiniflareOptions } from "miniflare";
import { unstable_splitSqlQuery as splitSqlQuery } from "wrangler";
import { digestOfSources } from "./bundle.ts";
import { readWranglerFile } from "./configs.ts";
import { DATABASES, ROOT, wranglerFile } from "./workers.ts";

export type DatabaseName = (typeof DATABASES)[keyof typeof DATABASES];

/** The table of wrangler (`migrations_table` has this name by default). */
const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/** The folder of all data of the local runtime. `wrangler dev --persist-to STATE_DIR` adds the `v3` itself. */
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

/** Workers that run beside the databases, such as the sandbox during the import of payments. */
export type ExtraWorkers = NonNullable<Extract<V4MiniflareOptions, { workers: unknown }>["workers"]>;

export interface OpenState {
  readonly databases: Readonly<Record<DatabaseName, D1Database>>;
  readonly runtime: Miniflare;
}

/** Runs `work` with every database open. The Workers of the shop do not run. */
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

/** Applies the missing migrations in order, each with its record in one batch. Returns their count. */
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

/** Digests of the migrations and the seed in STATE_DIR. The file is stored with the data, so that both are removed together. */
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

/** Applies the missing migrations of every database. Returns their count. */
export async function migrateAll(databases: OpenState["databases"]): Promise<number> {
  const counts = await Promise.all(
    Object.values(DATABASES).map(async (name) => {
      return await applyMigrations(databases[name], path.join(ROOT, "migrations", name));
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
