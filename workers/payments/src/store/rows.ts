// Rows as a batch gives them, named as in SQL, become the schema's types. Drizzle maps the rows of its own queries only, and a
// batch that writes and reads in one round trip goes through `save`.
import { getTableColumns } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";

export type RawRow = Record<string, unknown>;

export function fromRow<T extends SQLiteTable>(table: T, row: RawRow): T["$inferSelect"] {
  const members = Object.entries(getTableColumns(table)).map(([key, column]) => {
    const value = row[column.name];
    return [key, value === null ? null : column.mapFromDriverValue(value)];
  });
  return Object.fromEntries(members) as T["$inferSelect"];
}
