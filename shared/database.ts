// D1 as every Worker uses it: Drizzle for reads, `commit` for writes. A commit is one D1 batch: state, history, inbox and
// outbox rows stand or fall together. Interactive transactions do not exist on D1.
import { getTableColumns, getTableName, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { SQLiteAsyncDialect } from "drizzle-orm/sqlite-core";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import type { EventEnvelope } from "./events/envelope.ts";
import { logCost } from "./logger.ts";

export type Database = DrizzleD1Database & { readonly $client: D1Database };

/** Anything that becomes one SQL statement: a Drizzle query or an `sql` template. */
export type Statement = { toSQL(): { sql: string; params: unknown[] } } | SQL;

const dialect = new SQLiteAsyncDialect();

/** Counts the calls and rows of a D1 binding as they happen. Only what Drizzle and `commit` use is here. */
class MeteredStatement {
  readonly inner: D1PreparedStatement;

  constructor(inner: D1PreparedStatement) {
    this.inner = inner;
  }

  bind(...values: unknown[]): MeteredStatement {
    return new MeteredStatement(this.inner.bind(...values));
  }

  async run<T>(): Promise<D1Result<T>> {
    return metered(await this.inner.run<T>());
  }

  async all<T>(): Promise<D1Result<T>> {
    return metered(await this.inner.all<T>());
  }

  async raw<T>(): Promise<T[]> {
    logCost({ d1RoundTrips: 1 });
    return await this.inner.raw<T>();
  }
}

function metered<T>(result: D1Result<T>): D1Result<T> {
  logCost({ d1RoundTrips: 1, rowsWritten: result.meta.rows_written });
  return result;
}

class MeteredDatabase {
  readonly inner: D1Database;

  constructor(inner: D1Database) {
    this.inner = inner;
  }

  prepare(query: string): MeteredStatement {
    return new MeteredStatement(this.inner.prepare(query));
  }

  async batch<T>(statements: MeteredStatement[]): Promise<D1Result<T>[]> {
    const results = await this.inner.batch<T>(statements.map((statement) => statement.inner));
    logCost({
      d1RoundTrips: 1,
      rowsWritten: results.reduce((sum, result) => sum + result.meta.rows_written, 0),
    });
    return results;
  }
}

export function openDatabase(binding: D1Database): Database {
  // Drizzle calls prepare and batch only; the meter is those two.
  return drizzle(new MeteredDatabase(binding) as unknown as D1Database);
}

/** A conditional write that `mustChange` guards found its row changed by somebody else: read again and decide again. */
export class StaleWrite extends Error {
  override readonly name = "StaleWrite";
}

/** A UNIQUE or PRIMARY KEY constraint refused the commit. `constraint` is `table.column[, table.column]`. */
export class UniqueViolation extends Error {
  override readonly name = "UniqueViolation";
  readonly constraint: string;

  constructor(constraint: string, options: ErrorOptions) {
    super(`UNIQUE constraint failed: ${constraint}`, options);
    this.constraint = constraint;
  }
}

/** A NOT NULL constraint refused the commit; see `inboxInsert`, which uses one as a guard. */
export class NotNullViolation extends Error {
  override readonly name = "NotNullViolation";
  readonly column: string;

  constructor(column: string, options: ErrorOptions) {
    super(`NOT NULL constraint failed: ${column}`, options);
    this.column = column;
  }
}

/**
 * Stands after a conditional UPDATE or DELETE and aborts the whole batch when that changed no row. SQLite has no RAISE outside
 * triggers; parsing text that is not JSON is an error that needs no table and writes nothing.
 */
export function mustChange(): SQL {
  return sql`SELECT json(iif(changes() > 0, 'true', 'stale write'))`;
}

/** D1 gives plain errors without codes, so the message is all there is to tell them apart. */
function databaseError(error: unknown): unknown {
  const message =
    error instanceof Error ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ""}` : "";
  const unique = /UNIQUE constraint failed: ([^:]+?)(?::|$)/.exec(message)?.[1];
  if (unique !== undefined) return new UniqueViolation(unique.trim(), { cause: error });
  const notNull = /NOT NULL constraint failed: ([^:]+?)(?::|$)/.exec(message)?.[1];
  if (notNull !== undefined) return new NotNullViolation(notNull.trim(), { cause: error });
  if (message.includes("malformed JSON")) return new StaleWrite("the row changed meanwhile", { cause: error });
  return error;
}

export interface Commit {
  readonly results: readonly D1Result<Record<string, unknown>>[];
  /** The events whose outbox rows this commit wrote; a conditional insert that wrote none gives none. */
  readonly events: readonly EventEnvelope[];
}

/** Statements that return this column have just written an outbox row; see `outboxInsert`. */
export const COMMITTED_EVENT = "committed_event";

function bind(database: Database, statement: Statement): D1PreparedStatement {
  const query = "toSQL" in statement ? statement.toSQL() : dialect.sqlToQuery(statement);
  return database.$client.prepare(query.sql).bind(...query.params);
}

/**
 * Runs the statements as one atomic D1 batch.
 * @throws StaleWrite, UniqueViolation, NotNullViolation; any other error is an outage or a bug. Nothing is written then.
 */
export async function commit(database: Database, statements: readonly Statement[]): Promise<Commit> {
  if (statements.length === 0) return { results: [], events: [] };
  let results: D1Result<Record<string, unknown>>[];
  try {
    results = await database.$client.batch<Record<string, unknown>>(
      statements.map((statement) => bind(database, statement)),
    );
  } catch (error) {
    throw databaseError(error);
  }
  const events = results.flatMap((result) =>
    result.results.flatMap((row) => {
      const envelope = row[COMMITTED_EVENT];
      return typeof envelope === "string" ? [JSON.parse(envelope) as EventEnvelope] : [];
    }),
  );
  return { results, events };
}

/**
 * Runs several reads as one D1 round trip, which costs about as much as one read, and from one state of the database.
 * `Rows` names the row of each statement, in order: `readAll<[OrderRow, ItemRow]>(db, [sql`…`, sql`…`])`.
 */
export async function readAll<Rows extends readonly object[]>(
  database: Database,
  statements: { readonly [K in keyof Rows]: Statement },
): Promise<{ [K in keyof Rows]: Rows[K][] }> {
  const results = await database.$client.batch(
    (statements as readonly Statement[]).map((statement) => bind(database, statement)),
  );
  return results.map((result) => result.results) as { [K in keyof Rows]: Rows[K][] };
}

/**
 * INSERT of one whole row, its text made once. Drizzle's builder spends 0.1 ms on every row as wide as an order's.
 * A member that is left out takes the schema's default, else NULL, as with Drizzle. `computed` gives a member's SQL, in which its
 * value is the one parameter.
 */
export function insertInto<T extends SQLiteTable>(
  table: T,
  computed: Readonly<Record<string, string>> = {},
): (row: T["$inferInsert"]) => Statement {
  const columns = Object.entries(getTableColumns(table));
  const names = columns.map(([, { name }]) => `"${name}"`).join(", ");
  const text = `INSERT INTO "${getTableName(table)}" (${names}) VALUES (${columns.map(([member]) => computed[member] ?? "?").join(", ")})`;
  return (row: Readonly<Record<string, unknown>>) => ({
    toSQL: () => ({
      sql: text,
      params: columns.map(([member, column]) => {
        const value = row[member] === undefined ? column.default : row[member];
        return value === undefined || value === null ? null : column.mapToDriverValue(value);
      }),
    }),
  });
}

/** `WHERE column IN (…)` for any number of values: D1 binds at most 100 parameters a statement, JSON text is one. */
export function inJson(column: SQL | { getSQL(): SQL }, values: readonly (string | number)[]): SQL {
  return sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}
