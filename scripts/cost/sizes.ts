// How many bytes each table takes in the data of a local run that has ended: pages of SQLite, a table's indexes included.
import { readdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { persistencePath } from "../local/state.ts";
import type { DatabaseName } from "../local/state.ts";

/** A table that no other database has. The files are named by a digest. */
const MARKS: Readonly<Record<string, DatabaseName>> = {
  users: "auth",
  products: "product",
  orders: "order",
  payments: "payment",
  stock_levels: "inventory",
  notifications: "notification",
};

const PAGES_BY_TABLE = `SELECT tbl_name AS name, sum(pgsize) AS bytes FROM dbstat JOIN sqlite_schema USING (name)
  WHERE dbstat.aggregate = true GROUP BY tbl_name`;

/** Table -> bytes. */
export type TableBytes = ReadonlyMap<string, number>;

export interface Sizes {
  readonly databases: ReadonlyMap<DatabaseName, TableBytes>;
  /** Class of Durable Objects -> its objects and their bytes. */
  readonly objects: ReadonlyMap<string, { readonly count: number; readonly bytes: number }>;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite")
    .map((name) => path.join(folder, name));
}

function read<T>(file: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

function tablesOf(file: string): TableBytes {
  return read(file, (database) => {
    const rows = database.prepare(PAGES_BY_TABLE).all() as { name: string; bytes: number }[];
    return new Map(rows.map(({ name, bytes }) => [name, bytes]));
  });
}

function fileBytes(file: string): number {
  return read(file, (database) => {
    const pragma = (name: string): number => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
    return pragma("page_count") * pragma("page_size");
  });
}

export function readSizes(stateDir: string): Sizes {
  const databases = filesIn(path.join(persistencePath(stateDir), "d1/miniflare-D1DatabaseObject")).map((file) => {
    const tables = tablesOf(file);
    const mark = Object.keys(MARKS).find((table) => tables.has(table));
    const name = mark === undefined ? undefined : MARKS[mark];
    if (name === undefined) throw new Error(`${file} is no database of the shop`);
    return [name, tables] as const;
  });
  const classes = path.join(persistencePath(stateDir), "do");
  const objects = readdirSync(classes)
    .filter((name) => name.startsWith("tradepost-"))
    .map((name) => {
      const files = filesIn(path.join(classes, name));
      return [name, { count: files.length, bytes: files.reduce((sum, file) => sum + fileBytes(file), 0) }] as const;
    });
  return { databases: new Map(databases), objects: new Map(objects) };
}
