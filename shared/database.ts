// D1 as every Worker uses it. A commit is one D1 batch: its rows are written together or not at all. D1 has no interactive transactions.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { EventEnvelope } from "./events/envelope.ts";
import { logCost } from "./logger.ts";
import { Query, compile } from "./statement.ts";
import type { RawRow, Statement } from "./statement.ts";

/** How a batch is written down: each name stands for one statement, or for a list of them. */
export type Batch = Readonly<Record<string, Statement | readonly Statement[]>>;

/** What one statement did. */
export interface Result<Row> {
  readonly rows: readonly Row[];
  /** Rows that an INSERT, UPDATE or DELETE changed. */
  readonly changes: number;
}

type ResultOf<S> = Result<S extends Query<infer Row> ? Row : RawRow>;

/** The results of a batch under the names of its statements. */
export type Results<B extends Batch> = {
  readonly [Name in keyof B]: B[Name] extends readonly (infer S)[] ? readonly ResultOf<S>[] : ResultOf<B[Name]>;
};

/** The rows of several reads under their names. */
type RowsOf<B> = { readonly [Name in keyof B]: B[Name] extends Query<infer Row> ? readonly Row[] : never };

function isMany(statements: Statement | readonly Statement[]): statements is readonly Statement[] {
  return Array.isArray(statements);
}

function resultOf(statement: Statement, { results, meta }: D1Result<RawRow>): Result<RawRow> {
  const rows = statement instanceof Query ? results.map((row) => statement.decode(row) as RawRow) : results;
  return { rows, changes: meta.changes };
}

type Listener = (text: string, params: readonly unknown[]) => void;

let listener: Listener | undefined;

/** Calls `heard` with every statement that any Database runs from now on. Tests check their plans: shared/testkit/plans.ts. */
export function onStatement(heard: Listener): void {
  listener = heard;
}

function logRoundTrip(results: readonly D1Result<RawRow>[]): void {
  logCost({
    d1RoundTrips: 1,
    rowsRead: results.reduce((sum, { meta }) => sum + meta.rows_read, 0),
    rowsWritten: results.reduce((sum, { meta }) => sum + meta.rows_written, 0),
  });
}

/** A D1 binding that counts its round trips and the rows it reads and writes into the log of the invocation. */
export class Database {
  readonly client: D1Database;

  constructor(client: D1Database) {
    this.client = client;
  }

  /** The rows of one read. `sql<Row>` states its row type itself, which only tests do. */
  async all<Row>(query: Query<Row> | SQL<Row>): Promise<Row[]> {
    const { results } = await this.run(query);
    return query instanceof Query ? results.map(query.decode) : (results as Row[]);
  }

  /** The first row of one read, if it has any. */
  async first<Row>(query: Query<Row>): Promise<Row | undefined> {
    return (await this.all(query))[0];
  }

  /** Runs one statement and gives what D1 answers. */
  async run(statement: Statement): Promise<D1Result<RawRow>> {
    const result = await this.#bind(statement).all<RawRow>();
    logRoundTrip([result]);
    return result;
  }

  /** Runs statements as one D1 batch: one round trip, all or nothing. Results are in the order of the statements. */
  async batch(statements: readonly Statement[]): Promise<D1Result<RawRow>[]> {
    const results = await this.client.batch<RawRow>(statements.map((statement) => this.#bind(statement)));
    logRoundTrip(results);
    return results;
  }

  #bind(statement: Statement): D1PreparedStatement {
    const { text, params } = compile(statement);
    listener?.(text, params);
    return this.client.prepare(text).bind(...params);
  }
}

export function openDatabase(binding: D1Database): Database {
  return new Database(binding);
}

/** A conditional write guarded by `mustChange` found its row changed by another request: read again and decide again. */
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
 * Follows a conditional UPDATE or DELETE and aborts the whole batch when that changed no row. SQLite has no RAISE outside
 * triggers; parsing text that is not JSON is an error that needs no table and writes nothing.
 */
export function mustChange(): SQL {
  return sql`SELECT json(iif(changes() > 0, 'true', 'stale write'))`;
}

/** D1 gives plain errors without codes, so only their message tells them apart. */
function databaseError(error: unknown): unknown {
  const message =
    error instanceof Error ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ""}` : "";
  const unique = /UNIQUE constraint failed: ([^:]+?)(?::|$)/.exec(message)?.[1];
  if (unique !== undefined) return new UniqueViolation(unique.trim(), { cause: error });
  const notNull = /NOT NULL constraint failed: ([^:]+?)(?::|$)/.exec(message)?.[1];
  if (notNull !== undefined) return new NotNullViolation(notNull.trim(), { cause: error });
  if (message.includes("malformed JSON"))
    return new StaleWrite("another request changed the row first", { cause: error });
  return error;
}

export interface Commit<B extends Batch> {
  readonly results: Results<B>;
  /** The events whose outbox rows this commit wrote; a conditional insert that wrote none gives none. */
  readonly events: readonly EventEnvelope[];
}

/** Statements that return this column have just written an outbox row; see `outboxInsert`. */
export const COMMITTED_EVENT = "committed_event";

/** Gives the results of a batch, which D1 answers as one list, back under the names of the statements. */
function named<B extends Batch>(batch: B, results: readonly D1Result<RawRow>[]): Results<B> {
  const left = results.values();
  const next = (statement: Statement): Result<RawRow> => {
    const { value } = left.next();
    if (value === undefined) throw new Error("D1 answered fewer results than statements");
    return resultOf(statement, value);
  };
  const entries = Object.entries(batch).map(([name, statements]) => [
    name,
    isMany(statements) ? statements.map(next) : next(statements),
  ]);
  // One result for each statement, decoded by the statement itself.
  return Object.fromEntries(entries) as Results<B>;
}

/**
 * Runs the statements as one atomic D1 batch and answers under their names.
 * @throws StaleWrite, UniqueViolation, NotNullViolation; any other error is an outage or a bug. Nothing is written then.
 */
export async function commit<const B extends Batch>(database: Database, batch: B): Promise<Commit<B>> {
  const statements: readonly Statement[] = Object.values<Statement | readonly Statement[]>(batch).flat();
  const results = statements.length === 0 ? [] : await write(database, statements);
  const events = results.flatMap((result) =>
    result.results.flatMap((row) => {
      const envelope = row[COMMITTED_EVENT];
      return typeof envelope === "string" ? [JSON.parse(envelope) as EventEnvelope] : [];
    }),
  );
  return { results: named(batch, results), events };
}

async function write(database: Database, statements: readonly Statement[]): Promise<D1Result<RawRow>[]> {
  try {
    return await database.batch(statements);
  } catch (error) {
    throw databaseError(error);
  }
}

/**
 * Runs several reads in one D1 round trip, which costs about as much as one read, and from one state of the database.
 * Answers each read's rows under its name.
 */
export async function readAll<B extends Readonly<Record<string, Query<unknown>>>>(
  database: Database,
  queries: B,
): Promise<RowsOf<B>> {
  const results = named(queries, await database.batch(Object.values(queries)));
  // Each query's rows, decoded by the query itself.
  return Object.fromEntries(Object.entries(results).map(([name, { rows }]) => [name, rows])) as RowsOf<B>;
}
