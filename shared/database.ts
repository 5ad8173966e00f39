// D1 as every Worker uses it. Statements are `sql` templates of Drizzle; the tables of schema.ts give their rows a type (ADR 28).
// A commit is one D1 batch: its rows are written together or not at all. D1 has no interactive transactions.
import { getTableColumns, getTableName, Column, Name, SQL, StringChunk, Table, sql } from "drizzle-orm";
import type { GetColumnData, SQLWrapper } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import type { EventEnvelope } from "./events/envelope.ts";
import { logCost } from "./logger.ts";

type RawRow = Readonly<Record<string, unknown>>;

/** What a row consists of: columns of a table, which bring their type along, and expressions such as `sql<number>\`count(*)\``. */
export type Fields = Readonly<Record<string, Column | SQL>>;

type FieldValue<F> = F extends Column ? GetColumnData<F> : F extends SQL<infer T> ? T : never;

export type RowOf<F extends Fields> = { readonly [Name in keyof F]: FieldValue<F[Name]> };

/** A statement that knows the type of its rows. Made by `select` and `returning`. */
export class Query<Row> implements SQLWrapper {
  readonly #sql: SQL;
  readonly decode: (row: RawRow) => Row;

  constructor(text: SQL, decode: (row: RawRow) => Row) {
    this.#sql = text;
    this.decode = decode;
  }

  getSQL(): SQL {
    return this.#sql;
  }
}

/** A statement as D1 takes it. `insertInto` makes its text once. */
interface PreparedStatement {
  readonly text: string;
  readonly params: readonly unknown[];
}

/** Anything that becomes one SQL statement. */
export type Statement = SQL | Query<unknown> | PreparedStatement;

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

function decoderOf<F extends Fields>(fields: F): (row: RawRow) => RowOf<F> {
  const mapped = Object.entries(fields).flatMap(([name, field]) =>
    field instanceof Column && field.dataType !== "string" && field.dataType !== "number"
      ? [[name, field] as const]
      : [],
  );
  // The statement selects exactly `fields`, each under its name. Most rows have nothing to map and need no copy.
  if (mapped.length === 0) return (row) => row as RowOf<F>;
  return (row) => {
    const decoded: Record<string, unknown> = { ...row };
    for (const [name, column] of mapped) {
      const value = row[name];
      decoded[name] = value === null || value === undefined ? null : column.mapFromDriverValue(value);
    }
    return decoded as RowOf<F>;
  };
}

/** A statement as text, in which each value is a `?`. */
class Writer {
  text = "";
  readonly params: unknown[] = [];

  /** Drizzle's own writer takes many times as long, because it asks of each part for all that an ORM may put there. */
  write(part: unknown): void {
    if (part instanceof StringChunk) this.text += part.value.join("");
    else if (part instanceof SQL) for (const chunk of part.queryChunks) this.write(chunk);
    else if (part instanceof Column) this.text += `"${getTableName(part.table)}"."${part.name}"`;
    else if (part instanceof Table) this.text += `"${getTableName(part)}"`;
    else if (part instanceof Name) this.text += `"${part.value}"`;
    else if (part instanceof Query) this.write(sql`(${part.getSQL()})`);
    else if (part !== undefined) {
      this.text += "?";
      this.params.push(part);
    }
  }
}

function written(statement: SQL): PreparedStatement {
  const writer = new Writer();
  writer.write(statement);
  return writer;
}

/** Most lists are constants without values, so each is written once. */
const fieldLists = new WeakMap<Fields, SQL>();

function fieldList(fields: Fields): SQL {
  const present = fieldLists.get(fields);
  if (present !== undefined) return present;
  const items = Object.entries(fields).map(([name, field]) => sql`${field} AS ${sql.identifier(name)}`);
  const list = sql.join(items, sql`, `);
  const { text, params } = written(list);
  const made = params.length === 0 ? sql.raw(text) : list;
  fieldLists.set(fields, made);
  return made;
}

/**
 * A SELECT: `select({ id: orders.id, open: sql<number>`count(*)` }, sql`FROM orders WHERE …`)`. Columns are written with their table
 * ("orders"."id"), so a subquery in FROM takes the table's name. `before` is its WITH clause.
 */
export function select<F extends Fields>(fields: F, from: SQL, before = sql``): Query<RowOf<F>> {
  return new Query(sql`${before} SELECT ${fieldList(fields)} ${from}`, decoderOf(fields));
}

/** A write that gives back what it wrote: `returning(sql`UPDATE orders SET …`, { id: orders.id })`. */
export function returning<F extends Fields>(write: SQL, fields: F): Query<RowOf<F>> {
  return new Query(sql`${write} RETURNING ${fieldList(fields)}`, decoderOf(fields));
}

function isMany(statements: Statement | readonly Statement[]): statements is readonly Statement[] {
  return Array.isArray(statements);
}

function compile(statement: Statement): PreparedStatement {
  return "text" in statement ? statement : written(statement.getSQL());
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

/**
 * INSERT of one whole row, its text made once. Drizzle's builder spends 0.1 ms on every row as wide as an order's.
 * A member that is left out takes the schema's default, else NULL, as with Drizzle. `computed` gives a member's SQL, in which its
 * value is the one parameter.
 */
export function insertInto<T extends SQLiteTable>(
  table: T,
  computed: Readonly<Record<string, string>> = {},
): (row: T["$inferInsert"]) => PreparedStatement {
  const columns = Object.entries(getTableColumns(table));
  const names = columns.map(([, { name }]) => `"${name}"`).join(", ");
  const text = `INSERT INTO "${getTableName(table)}" (${names}) VALUES (${columns.map(([member]) => computed[member] ?? "?").join(", ")})`;
  return (row: Readonly<Record<string, unknown>>) => ({
    text,
    params: columns.map(([member, column]) => {
      const value = row[member] === undefined ? column.default : row[member];
      return value === undefined || value === null ? null : column.mapToDriverValue(value);
    }),
  });
}

/** `WHERE column IN (…)` for any number of values: D1 binds at most 100 parameters a statement, JSON text is one. */
export function inJson(column: SQLWrapper, values: readonly (string | number)[]): SQL {
  return sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
}
