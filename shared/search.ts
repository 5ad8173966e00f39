// Lists filtered by what no index finds. One on each filter would cost every row a write, so a page goes through a bounded number of
// rows in the order of the list. It may be short or empty, and its cursor goes on from the last row that was searched.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { select } from "./statement.ts";
import { readAll } from "./database.ts";
import type { Database } from "./database.ts";
import type { Fields, RowOf } from "./statement.ts";

/** Rows that one page goes through. */
export const SEARCHED_ROWS = 1_000;

type Key = readonly (string | number)[];

/** What a search found, and the key at which it stopped. Undefined: it reached the end of the list, or its limit. */
export interface Part<Row> {
  readonly rows: readonly Row[];
  readonly reached: Key | undefined;
}

interface Search<F extends Fields> {
  readonly fields: F;
  readonly table: string;
  /** The columns of the order, which an index has; they descend. */
  readonly key: readonly string[];
  readonly wanted: SQL;
  /** The key to go on from. */
  readonly before: Key | undefined;
  readonly limit: number;
}

/** The columns of a key as a list, each with an ending. */
function columnsOf(key: readonly string[], ending = sql``): SQL {
  return sql.join(
    key.map((column) => sql`${sql.identifier(column)}${ending}`),
    sql`, `,
  );
}

/** The place behind a key in a descending order. */
export function isBehind(key: readonly string[], before: Key | undefined): SQL {
  if (before === undefined) return sql`true`;
  const values = key.map((_column, index) => sql`${before[index] ?? ""}`);
  return sql`(${columnsOf(key)}) < (${sql.join(values, sql`, `)})`;
}

/** Goes through a table backwards from a key. Both reads see one state of it, so no row is skipped that another request moves. */
export async function searchBack<F extends Fields>(db: Database, search: Search<F>): Promise<Part<RowOf<F>>> {
  const { fields, key, wanted, before, limit } = search;
  const table = sql.identifier(search.table);
  const order = columnsOf(key, sql` DESC`);
  const following = sql`FROM ${table} WHERE ${isBehind(key, before)} ORDER BY ${order}`;
  const { rows, bound } = await readAll(db, {
    rows: select(
      fields,
      sql`FROM (SELECT * ${following} LIMIT ${SEARCHED_ROWS}) AS ${table} WHERE ${wanted} ORDER BY ${order} LIMIT ${limit}`,
    ),
    bound: select(
      Object.fromEntries(key.map((column) => [column, sql<string | number>`${sql.identifier(column)}`])),
      sql`${following} LIMIT 1 OFFSET ${SEARCHED_ROWS - 1}`,
    ),
  });
  const [last] = bound;
  const isOver = rows.length === limit || last === undefined;
  return { rows, reached: isOver ? undefined : key.map((column) => last[column] ?? "") };
}
