// Multiplies rows of a database by SQL. A table of copies says, one row each, what a copy is of and by which texts its ids and names
// differ; every table that belongs to it is then copied by one kind of statement.
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { isTimeColumn } from "../../local/seed-times.ts";

interface StoredColumn {
  readonly name: string;
  readonly type: string;
  readonly hidden: number;
}

/** A column's value as SQL over `b`, the row that is copied, and `m`, the row of the table of copies. */
export type Expressions = Readonly<Record<string, string>>;

export interface Copies {
  readonly database: DatabaseSync;
  /** The name of the table of copies. Its rows are numbered from 0 in the column `n`. */
  readonly map: string;
  readonly count: number;
  /** The SQL of a text of the copy, from the SQL of the same text of the original. */
  readonly text: (column: string) => string;
  /** Milliseconds by which times of the copy differ, as SQL over `m`. */
  readonly shift: string;
}

/** Writes the table of copies. All rows have the first one's columns, `n` among them. */
export function writeMap(
  database: DatabaseSync,
  map: string,
  rows: readonly Readonly<Record<string, SQLInputValue>>[],
): void {
  const columns = Object.keys(rows[0] ?? {});
  const typed = Object.entries(rows[0] ?? {}).map(([name, value]) =>
    name === "n" ? "n INTEGER PRIMARY KEY" : `${name} ${typeof value === "number" ? "INTEGER" : "TEXT"}`,
  );
  database.exec(`CREATE TABLE ${map} (${typed.join(", ")})`);
  const insert = database.prepare(
    `INSERT INTO ${map} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  );
  for (const row of rows) insert.run(...columns.map((name) => row[name] ?? null));
}

function columnsOf(database: DatabaseSync, table: string): readonly StoredColumn[] {
  const columns = database.prepare("SELECT name, type, hidden FROM pragma_table_xinfo(?)").all(table);
  return (columns as unknown as StoredColumn[]).filter(({ hidden }) => hidden === 0);
}

export interface Copied {
  /** The column by which a row belongs to a copy's original, `m.base`. Left out: every copy has all rows. */
  readonly by?: string;
  /** A condition on the rows that are copied. */
  readonly only?: string;
}

/**
 * Copies rows of a table for each row of the map. Columns without an expression keep their value, with texts and times changed as
 * `copies` says.
 */
export function copyRows(
  copies: Copies,
  table: string,
  { by, only = "true" }: Copied,
  expressions: Expressions = {},
): void {
  const { database, map, text, shift } = copies;
  const columns = columnsOf(database, table);
  const values = columns.map((column) => {
    const { name, type } = column;
    const given = expressions[name];
    if (given !== undefined) return given;
    if (type === "TEXT") return text(`b."${name}"`);
    return isTimeColumn(column) ? `b."${name}" + ${shift}` : `b."${name}"`;
  });
  const names = columns.map(({ name }) => `"${name}"`).join(", ");
  // The originals stand apart, so that a copy is never copied.
  database.exec(`CREATE TABLE scale_originals AS SELECT * FROM ${table} WHERE ${only}`);
  if (by !== undefined) database.exec(`CREATE INDEX scale_originals_by_base ON scale_originals (${by})`);
  database.exec(`INSERT INTO ${table} (${names}) SELECT ${values.join(", ")}
    FROM ${map} m CROSS JOIN scale_originals b ${by === undefined ? "" : `ON b.${by} = m.base`}`);
  database.exec("DROP TABLE scale_originals");
}
