// SQL statements: `sql` templates of Drizzle, whose rows take their types from the tables of schema.ts (ADR 28). shared/database.ts runs them.
import { getTableColumns, getTableName, Column, Name, SQL, StringChunk, Table, sql } from "drizzle-orm";
import type { GetColumnData, SQLWrapper } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";

export type RawRow = Readonly<Record<string, unknown>>;

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
export interface PreparedStatement {
  readonly text: string;
  readonly params: readonly unknown[];
}

/** Anything that becomes one SQL statement. */
export type Statement = SQL | Query<unknown> | PreparedStatement;

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

export function compile(statement: Statement): PreparedStatement {
  return "text" in statement ? statement : written(statement.getSQL());
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
