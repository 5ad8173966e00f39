// Tables of a Durable Object's SQLite, made, read and written from their schema, which types their rows.
import { getTableColumns, getTableName } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";

/**
 * The CREATE TABLE of a table: its columns, each with its CHECK if it has one, and a constraint of the table. STRICT, and WITHOUT
 * ROWID unless the key is an INTEGER.
 */
export function createTable<T extends SQLiteTable>(
  table: T,
  checks: { readonly [Member in keyof T["$inferSelect"]]?: string } = {},
  constraint?: string,
): string {
  const columns: readonly [string, SQLiteColumn][] = Object.entries(getTableColumns(table));
  const checkOf = new Map<string, unknown>(Object.entries(checks));
  const lines = columns.map(([member, column]) => {
    const { name, primary, notNull, default: preset } = column;
    const presence = primary ? "PRIMARY KEY" : notNull ? "NOT NULL" : "";
    const value = preset === undefined ? "" : `DEFAULT ${String(column.mapToDriverValue(preset))}`;
    return [name, column.getSQLType(), presence, value, checkOf.get(member)].filter(Boolean).join(" ");
  });
  const hasRowid = columns.some(([, { primary, dataType }]) => primary && dataType === "number");
  const body = constraint === undefined ? lines : [...lines, constraint];
  return `CREATE TABLE IF NOT EXISTS ${getTableName(table)} (
  ${body.join(",\n  ")}
) STRICT${hasRowid ? "" : ", WITHOUT ROWID"};`;
}

/** The statements of one table. Their texts are made once for each object, because they run on every call. */
export class ObjectTable<T extends SQLiteTable> {
  readonly #sql: SqlStorage;
  readonly #columns: readonly [member: string, column: SQLiteColumn][];
  readonly #select: string;
  readonly #insert: string;
  readonly #updates: string;

  constructor(sql: SqlStorage, table: T) {
    this.#sql = sql;
    this.#columns = Object.entries(getTableColumns(table));
    const name = getTableName(table);
    const names = this.#columns.map(([, column]) => column.name);
    this.#select = `SELECT ${names.join(", ")} FROM ${name}`;
    this.#insert = `INSERT INTO ${name} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
    this.#updates = names.map((column) => `${column} = excluded.${column}`).join(", ");
  }

  /** The rows that `rest` selects: `WHERE …`, `ORDER BY …`. */
  all(rest: string, ...bindings: SqlStorageValue[]): T["$inferSelect"][] {
    return Array.from(this.#sql.exec(`${this.#select} ${rest}`, ...bindings).raw(), (values) => {
      const members = this.#columns.map(([member, column], index) => {
        const value = values[index] ?? null;
        return [member, value === null ? null : column.mapFromDriverValue(value)];
      });
      // The query names the table's own columns, and a STRICT table holds what they say.
      return Object.fromEntries(members) as T["$inferSelect"];
    });
  }

  first(rest: string, ...bindings: SqlStorageValue[]): T["$inferSelect"] | undefined {
    return this.all(rest, ...bindings)[0];
  }

  /** Inserts a whole row; `rest` may say `ON CONFLICT …`. Returns whether a row was written. */
  insert(row: T["$inferInsert"], rest = ""): boolean {
    const members = new Map<string, unknown>(Object.entries(row));
    const bindings = this.#columns.map(([member, column]) => {
      const value = members.get(member) ?? null;
      // A column's driver value is what SQLite takes.
      return value === null ? null : (column.mapToDriverValue(value) as SqlStorageValue);
    });
    return this.#sql.exec(`${this.#insert} ${rest}`, ...bindings).rowsWritten > 0;
  }

  /** Inserts a row, or overwrites the one with the same `key` column. Unlike REPLACE, it runs the UPDATE triggers. */
  put(row: T["$inferInsert"], key: string): void {
    this.insert(row, `ON CONFLICT (${key}) DO UPDATE SET ${this.#updates}`);
  }
}

/** The one number that a query computes; null where it is NULL. */
export function numberOf(sql: SqlStorage, query: string, ...bindings: SqlStorageValue[]): number | null {
  const [value] = [...sql.exec(query, ...bindings).raw()][0] ?? [];
  return typeof value === "number" ? value : null;
}
