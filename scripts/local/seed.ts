// Writes the seed into the local databases, with its times moved to now. Rows are bound as JSON, so that a few statements write
// thousands of rows. INSERT OR IGNORE makes a repetition harmless.
import type { Miniflare } from "miniflare";
import type { ImportedPayment } from "../../dev/stripe-sandbox/src/import.ts";
import { shiftOn, shiftPayment, shiftRows } from "./seed-times.ts";
import type { Column } from "./seed-times.ts";
import type { DatabaseName, OpenState } from "./state.ts";

export type Row = Readonly<Record<string, unknown>>;

/** What scripts/seed/index.ts builds. Tables stand in the order of writing. */
export interface Seed {
  readonly databases: Readonly<Record<DatabaseName, Readonly<Record<string, readonly Row[]>>>>;
  /** The seeded payments, for the Stripe sandbox. */
  readonly sandboxPayments: readonly ImportedPayment[];
  /** The latest time in the seed, a midnight in UTC. Milliseconds since the epoch. */
  readonly builtFor: number;
}

export interface WriteOptions {
  /** Whether to import the payments into the Stripe sandbox. */
  readonly withSandbox: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly say: (line: string) => void;
}

/** The Worker that calls the import of the sandbox, because Node cannot call its RPC. */
export const IMPORTER = "seed-importer";

/** D1 takes 2 MB in one value. Half of it leaves room for characters of several bytes. */
const MAX_CHUNK_CHARACTERS = 1_000_000;

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** Splits rows into JSON arrays that each fit into one parameter of D1. */
export function chunks(rows: readonly Row[]): string[] {
  const result: string[][] = [[]];
  let length = 0;
  for (const row of rows) {
    const text = JSON.stringify(row);
    if (length + text.length > MAX_CHUNK_CHARACTERS) {
      result.push([]);
      length = 0;
    }
    result.at(-1)?.push(text);
    length += text.length + 1;
  }
  return result.filter((chunk) => chunk.length > 0).map((chunk) => `[${chunk.join(",")}]`);
}

/** The statements that write a table's rows. All rows have the first one's columns. */
export function insertStatements(database: D1Database, table: string, rows: readonly Row[]): D1PreparedStatement[] {
  const columns = Object.keys(rows[0] ?? {});
  const names = columns.map(quoted).join(", ");
  const values = columns.map((column) => `json_extract(value, '$.${quoted(column)}')`).join(", ");
  const sql = `INSERT OR IGNORE INTO ${quoted(table)} (${names}) SELECT ${values} FROM json_each(?)`;
  return chunks(rows).map((chunk) => database.prepare(sql).bind(chunk));
}

async function importPayments(runtime: Miniflare, payments: readonly unknown[]): Promise<void> {
  // Its declared type belongs to a package that this project does not use.
  const importer = (await runtime.getWorker(IMPORTER)) as unknown as Pick<Fetcher, "fetch">;
  const response = await importer.fetch("http://local/", { method: "POST", body: JSON.stringify(payments) });
  if (!response.ok) throw new Error(`The sandbox did not import the seeded payments: ${await response.text()}`);
}

/**
 * How many milliseconds the seed is moved by: as before when part of it is there already, else to the day before `now`. The ledger's
 * key contains a time, so another shift would insert the same rows again. The first seeded account shows the earlier shift.
 */
async function shiftFor(auth: D1Database, seed: Seed, now: number): Promise<number> {
  const first = seed.databases.auth["users"]?.[0];
  const existing =
    first === undefined
      ? null
      : await auth
          .prepare("SELECT created_at AS createdAt FROM users WHERE id = ?")
          .bind(first["id"])
          .first<{ createdAt: number }>();
  return existing === null ? shiftOn(now, seed.builtFor) : existing.createdAt - Number(first?.["created_at"]);
}

async function columnsOf(database: D1Database, table: string): Promise<Column[]> {
  const { results } = await database
    .prepare("SELECT name, type FROM pragma_table_info(?)")
    .bind(table)
    .all<{ name: string; type: string }>();
  return results;
}

/** Writes the whole seed as of `now`, each database in one transaction, and reports the counts of rows. */
export async function writeSeed(
  { databases, runtime }: OpenState,
  seed: Seed,
  { withSandbox, now, say }: WriteOptions,
): Promise<void> {
  const shiftMs = await shiftFor(databases.auth, seed, now);
  for (const [name, tables] of Object.entries(seed.databases)) {
    const database = databases[name as DatabaseName];
    const filled = Object.entries(tables).filter(([, rows]) => rows.length > 0);
    if (filled.length === 0) continue;
    const statements = filled.map(async ([table, rows]) =>
      insertStatements(database, table, shiftRows(rows, await columnsOf(database, table), shiftMs)),
    );
    await database.batch((await Promise.all(statements)).flat());
    say(`  ${name}: ${filled.map(([table, rows]) => `${rows.length} ${table}`).join(", ")}`);
  }
  if (withSandbox && seed.sandboxPayments.length > 0) {
    await importPayments(
      runtime,
      seed.sandboxPayments.map((payment) => shiftPayment(payment, shiftMs)),
    );
    say(`  sandbox: ${seed.sandboxPayments.length} payments`);
  }
}
