// The tables in schema.ts agree with the migrations: every column, its type, and whether it may be NULL. Migrations are written by hand,
// because drizzle-kit supports neither STRICT nor FTS5, so nothing else keeps the two in step.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { is } from "drizzle-orm";
import { SQLiteTable, getTableConfig } from "drizzle-orm/sqlite-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrateAll, withState } from "../local/state.ts";
import type { DatabaseName } from "../local/state.ts";
import { DATABASES, ROOT } from "../local/workers.ts";

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
}

const folder = mkdtempSync(path.join(tmpdir(), "tradepost-schema-"));
const migrated = new Map<string, Column[]>();

beforeAll(async () => {
  await withState(folder, [], async ({ databases }) => {
    await migrateAll(databases);
    for (const [database, d1] of Object.entries(databases)) {
      const { results } = await d1
        .prepare(
          `SELECT t.name AS "table", c.name AS name, upper(c.type) AS type, c."notnull" OR c.pk > 0 AS required
           FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE '\\_cf\\_%' ESCAPE '\\'`,
        )
        .all<{ table: string; name: string; type: string; required: number }>();
      for (const { table, name, type, required } of results) {
        const key = `${database}.${table}`;
        migrated.set(key, [...(migrated.get(key) ?? []), { name, type, notNull: required === 1 }]);
      }
    }
  });
}, 30_000);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The Worker's own tables and those that every database has. */
async function declaredTables(worker: string): Promise<SQLiteTable[]> {
  const files = [`workers/${worker}/src/schema.ts`, "shared/schema.ts"];
  const modules = await Promise.all(
    files.map(async (file) => (await import(path.join(ROOT, file))) as Record<string, unknown>),
  );
  return modules.flatMap((module) => Object.values(module).filter((value) => is(value, SQLiteTable)));
}

/** Columns that were added later and that a trigger sets in rows of an older version: never NULL when they are read. */
const SET_BY_TRIGGER = new Set(["products.change_seq", "orders.change_seq", "outbox.seq"]);

function byName(columns: readonly Column[]): Column[] {
  return columns.toSorted((a, b) => a.name.localeCompare(b.name));
}

describe.each(Object.entries(DATABASES) as [string, DatabaseName][])("the schema of %s", (worker, database) => {
  it("has the columns of the migrations", async () => {
    const tables = await declaredTables(worker);
    expect(tables.length).toBeGreaterThan(0);
    for (const table of tables) {
      const { name, columns, primaryKeys } = getTableConfig(table);
      const inKey = new Set(primaryKeys.flatMap((key) => key.columns.map((column) => column.name)));
      const declared = columns.map((column) => ({
        name: column.name,
        type: column.getSQLType().toUpperCase(),
        notNull:
          (column.notNull && !SET_BY_TRIGGER.has(`${name}.${column.name}`)) || column.primary || inKey.has(column.name),
      }));
      const message = `${name}: workers/${worker}/src/schema.ts, compared with migrations/${database}`;
      expect(byName(declared), message).toEqual(byName(migrated.get(`${database}.${name}`) ?? []));
    }
  });
});
