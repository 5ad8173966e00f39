// The times of the seed: the columns that hold them, and how they are moved.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RETENTION_MS } from "../../workers/inventory/src/constants.ts";
import { isTimeColumn, shiftOn, shiftPayment, shiftRows } from "../local/seed-times.ts";
import type { Column } from "../local/seed-times.ts";
import { writeSeed } from "../local/seed.ts";
import { migrateAll, withState } from "../local/state.ts";
import { DATABASES, ROOT } from "../local/workers.ts";
import { buildSeed } from "../seed/index.ts";
import { SEED_NOW } from "../seed/random.ts";
import { SETTLED_WITHIN_MS } from "../seed/stories.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Amounts of money, weights and stock are below this; times are above. */
const OLDEST_TIME_MS = Date.UTC(2001, 8, 10);
const seed = buildSeed();

/** Table -> its columns, by the real migrations. */
function schemaOf(database: string): Map<string, Column[]> {
  const opened = new DatabaseSync(":memory:");
  const folder = path.join(ROOT, "migrations", database);
  for (const file of readdirSync(folder).toSorted()) opened.exec(readFileSync(path.join(folder, file), "utf8"));
  const tables = opened.prepare("SELECT name FROM pragma_table_list WHERE type = 'table' AND strict = 1").all();
  return new Map(
    tables.map(({ name }) => [
      String(name),
      opened.prepare("SELECT name, type FROM pragma_table_info(?)").all(String(name)) as unknown as Column[],
    ]),
  );
}

const schemas = new Map(Object.values(DATABASES).map((name) => [name, schemaOf(name)]));

/** A new integer column of any table belongs to one of these. */
const TIMES = new Set(
  `active_from at capture_until captured_at closed_at confirmed_at created_at dead_at email_verified_at end_tried_at ended_at ends_at evidence_due_at expires_at expiry_flagged_at failed_at
    first_found_at handled_at last_found_at last_used_at leased_until made_at next_attempt_at next_check_at payment_due_at processed_at proven_at read_at received_at reconciled_at replayed_at reported_at retry_at returned_at seen_at sent_at set_at
    time updated_at used_at`.split(/\s+/),
);
const OTHER_INTEGERS = new Set(
  `amount amount_captured amount_capturable amount_refunded amount_withdrawn attempts available availability_sequence captured change_seq count counted create_generation
    day delta discount drawing failures generation height id line_total low_stock_threshold min_order_quantity on_hand on_hand_after opening own own_products
    payment_version position price product_version products quantity refunded refunded_quantity reserved search_id seq sequence shelf_id shipping size_bytes subtotal tax threshold times total tries
    unit_price up_to version weight_grams width`.split(/\s+/),
);

function looksLikeTime(value: unknown): boolean {
  return typeof value === "number"
    ? value >= OLDEST_TIME_MS
    : /\d{4}-\d\d-\d\d|(?<!\d)1\d{12}(?!\d)/.test(String(value));
}

describe("columns that hold times", () => {
  it("are these, of all that hold integers", () => {
    const integers = [...schemas.values()].flatMap((tables) =>
      [...tables.values()].flat().filter(({ type }) => type === "INTEGER"),
    );
    const namesOf = (columns: readonly Column[]): Set<string> => new Set(columns.map(({ name }) => name));
    expect(namesOf(integers.filter(isTimeColumn))).toEqual(TIMES);
    expect(namesOf(integers.filter((column) => !isTimeColumn(column)))).toEqual(OTHER_INTEGERS);
  });

  it("are the only places in the seed with a time", () => {
    const wrong = Object.entries(seed.databases).flatMap(([database, tables]) =>
      Object.entries(tables).flatMap(([table, rows]) =>
        rows
          .flatMap((row) => Object.entries(row))
          .filter(([name, value]) => value !== null && looksLikeTime(value) !== TIMES.has(name))
          .map(([name, value]) => `${database}.${table}.${name}: ${String(value)}`),
      ),
    );
    expect(wrong).toEqual([]);
  });
});

describe("the move", () => {
  it("is whole days, to the day before, and the same all day", () => {
    fc.assert(
      fc.property(fc.integer({ min: SEED_NOW - 1_000 * DAY_MS, max: SEED_NOW + 20_000 * DAY_MS }), (now) => {
        const shift = shiftOn(now, SEED_NOW);
        expect(Math.abs(shift % DAY_MS)).toBe(0);
        const seen = SEED_NOW + shift;
        expect(now - seen).toBeGreaterThanOrEqual(DAY_MS);
        expect(now - seen).toBeLessThan(2 * DAY_MS);
      }),
    );
    expect(shiftOn(Date.UTC(2027, 2, 5, 23, 59), SEED_NOW)).toBe(Date.UTC(2027, 2, 4) - SEED_NOW);
    expect(shiftOn(Date.UTC(2027, 2, 5), SEED_NOW)).toBe(Date.UTC(2027, 2, 4) - SEED_NOW);
  });

  it("changes nothing but times", () => {
    const columns = [
      { name: "created_at", type: "INTEGER" },
      { name: "read_at", type: "INTEGER" },
      { name: "total", type: "INTEGER" },
      { name: "time", type: "TEXT" },
    ];
    const rows = [{ created_at: 5, read_at: null, total: 5, time: "5" }];
    expect(shiftRows(rows, columns, 10)).toEqual([{ created_at: 15, read_at: null, total: 5, time: "5" }]);
  });

  it("moves all times of a sandbox payment", () => {
    for (const payment of seed.sandboxPayments) {
      const numbers = (value: unknown): number[] => (JSON.stringify(value).match(/\b\d{13}\b/g) ?? []).map(Number);
      expect(numbers(shiftPayment(payment, DAY_MS))).toEqual(numbers(payment).map((time) => time + DAY_MS));
    }
  });

  it("keeps every reservation for 25 days after the seeding", () => {
    const settled = (seed.databases.inventory["reservations"] ?? []).filter(({ state }) => state !== "reserved");
    const oldest = Math.min(...settled.map((row) => Number(row["updated_at"])));
    expect(oldest).toBeGreaterThan(SEED_NOW - SETTLED_WITHIN_MS);
    const lastMomentOfSeeding = SEED_NOW + 2 * DAY_MS;
    expect(lastMomentOfSeeding + 25 * DAY_MS - RETENTION_MS).toBeLessThanOrEqual(SEED_NOW - SETTLED_WITHIN_MS);
  });
});

describe("seeding", () => {
  it("moves the times, and changes no existing rows on a later day", async () => {
    const stateDir = mkdtempSync(path.join(tmpdir(), "tradepost-test-"));
    const firstDay = Date.UTC(2027, 2, 5, 13);
    try {
      await withState(stateDir, [], async (state) => {
        await migrateAll(state.databases);
        const contents = async (): Promise<unknown[]> => {
          const parts = Object.entries(seed.databases).flatMap(([name, tables]) =>
            Object.keys(tables).map(async (table) => {
              const database = state.databases[name as keyof typeof seed.databases];
              return (await database.prepare(`SELECT * FROM "${table}"`).all()).results;
            }),
          );
          return await Promise.all(parts);
        };
        const write = async (now: number): Promise<void> => {
          await writeSeed(state, seed, { withSandbox: false, now, say: () => {} });
        };
        await write(firstDay);
        const { order, inventory } = state.databases;
        const latest = await order.prepare("SELECT max(updated_at) AS at FROM orders").first<{ at: number }>();
        const ledger = await inventory.prepare("SELECT count(*) AS n FROM ledger").first<{ n: number }>();
        const builtLatest = Math.max(...(seed.databases.order["orders"] ?? []).map((row) => Number(row["updated_at"])));
        expect(latest?.at).toBe(builtLatest + Date.UTC(2027, 2, 4) - SEED_NOW);
        expect(ledger?.n).toBe(200);
        const before = await contents();
        await write(firstDay + 9 * DAY_MS);
        expect(await contents()).toEqual(before);
      });
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
  }, 60_000);
});
