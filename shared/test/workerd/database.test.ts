import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { SQLiteAsyncDialect } from "drizzle-orm/sqlite-core";
import { beforeAll, describe, expect, it } from "vitest";
import { NotNullViolation, StaleWrite, UniqueViolation, commit, mustChange, openDatabase } from "#shared/database";
import { inJson, select } from "#shared/statement";
import { outbox } from "#shared/schema";

const db = openDatabase(env.DB);
const STORED = { id: outbox.id, envelope: outbox.envelope };

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
}

async function valueOf(id: string): Promise<number | undefined> {
  return (await db.all(sql<{ value: number }>`SELECT value FROM things WHERE id = ${id}`))[0]?.value;
}

beforeAll(async () => {
  await commit(db, {
    statements: [sql`CREATE TABLE things (id TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID`],
  });
});

describe("a statement", () => {
  const fields = { id: outbox.id, sent: sql<number>`${5} + ${outbox.seq}`, count: sql<number>`count(*)` };
  it.each([
    [
      "values, names, tables and columns",
      sql`SELECT ${1}, ${null}, ${"a"} FROM ${outbox} WHERE ${outbox.subject} = ${sql.identifier("x")}`,
    ],
    [
      "parts of parts",
      sql`SELECT ${sql.join([sql`${1}`, sql.raw("2"), sql``, undefined], sql`, `)} WHERE ${inJson(outbox.id, ["a"])}`,
    ],
    ["fields with values", select(fields, sql`FROM outbox`)],
    ["fields that were written before", select(STORED, sql`FROM outbox WHERE id = ${"a"}`)],
    ["the same fields", select(STORED, sql`FROM outbox WHERE id = ${"b"}`)],
    [
      "a query in a statement",
      sql`INSERT INTO outbox_late ${select({ seq: outbox.seq }, sql`FROM outbox WHERE seq = ${7}`)}`,
    ],
  ])("of %s is as Drizzle writes it", async (_name, statement) => {
    const heard: unknown[] = [];
    const listening = openDatabase({
      prepare: (text: string) => ({ bind: (...params: unknown[]) => heard.push(text, params) }),
      batch: async () => [],
    } as unknown as D1Database);
    await listening.batch([statement]);
    const drizzle = new SQLiteAsyncDialect().sqlToQuery(statement.getSQL());
    expect(heard).toEqual([drizzle.sql, drizzle.params]);
  });
});

describe("commit", () => {
  it("writes all statements or none", async () => {
    const error = await errorOf(
      commit(db, {
        statements: [sql`INSERT INTO things VALUES ('all', 1)`, sql`INSERT INTO things VALUES ('all', 2)`],
      }),
    );
    expect(error).toBeInstanceOf(UniqueViolation);
    expect(error).toMatchObject({ constraint: "things.id" });
    expect(await valueOf("all")).toBeUndefined();
  });

  it("names the column that must not be null", async () => {
    const error = await errorOf(commit(db, { statements: [sql`INSERT INTO things VALUES ('null', NULL)`] }));
    expect(error).toBeInstanceOf(NotNullViolation);
    expect(error).toMatchObject({ column: "things.value" });
  });

  it("commits exactly one of many writes from the same state, and nothing of the others", async () => {
    await commit(db, { statements: [sql`INSERT INTO things VALUES ('cas', 0)`] });
    const errors = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        errorOf(
          commit(db, {
            statements: [
              sql`INSERT INTO things VALUES (${`cas-${String(index)}`}, 1)`,
              sql`UPDATE things SET value = value + 1 WHERE id = 'cas' AND value = 0`,
              mustChange(),
            ],
          }),
        ),
      ),
    );
    expect(errors.filter((error) => error === undefined)).toHaveLength(1);
    expect(errors.filter((error) => error instanceof StaleWrite)).toHaveLength(9);
    expect(await valueOf("cas")).toBe(1);
    const written = await db.all(sql`SELECT id FROM things WHERE id LIKE 'cas-%'`);
    expect(written).toHaveLength(1);
  });

  it("rethrows an unknown error", async () => {
    expect(await errorOf(commit(db, { statements: [sql`SELECT * FROM nowhere`] }))).toMatchObject({
      message: expect.stringContaining("no such table") as string,
    });
  });
});

describe("inJson", () => {
  it("takes more values than D1 binds parameters", async () => {
    const ids = Array.from({ length: 500 }, (_, index) => `many-${String(index)}`);
    await commit(db, { statements: [sql`INSERT INTO things SELECT value, 1 FROM json_each(${JSON.stringify(ids)})`] });
    expect(await db.all(sql`SELECT id FROM things WHERE ${inJson(sql`id`, ids)}`)).toHaveLength(500);
  });
});
