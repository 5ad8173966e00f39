// D1's copy of one product for reconciliation: read back as figures, so that copies of any size can be compared, and written
// again as a whole. The object is right; ledger entries that only D1 has are never touched.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { readAll } from "#shared/database";
import { inJson, select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { RowOf } from "#shared/statement";
import { FLUSH_CHANGES } from "../constants.ts";
import { ledger as stored } from "../schema.ts";
import { LEVEL, ledgerInsert, levelUpsert, reservationsUpsert } from "./projection.ts";
import { LEDGER_SUM, RESERVATION_SUM } from "./schema.ts";
import type { Figures, LedgerRow, ReservationRow } from "./schema.ts";
import type { LevelState } from "./tables.ts";

/** A level as D1 has it. */
export type ProjectedLevel = RowOf<typeof LEVEL>;

interface Copy {
  readonly level: ProjectedLevel | undefined;
  readonly reservations: readonly Figures[];
  /** Entries since the oldest that the object keeps. */
  readonly ledger: readonly Figures[];
  /** The sum of all entries. */
  readonly ledgerDelta: number;
}

/** Reads D1's copy: finished reservations since `finishedSince`, ledger entries since `ledgerSince` (ms). */
export async function readCopy(
  db: Database,
  productId: string,
  { finishedSince, ledgerSince }: { finishedSince: number; ledgerSince: number },
): Promise<Copy> {
  const figures = (name: string, sum: string): { name: SQL<string>; rows: SQL<number>; sum: SQL<string> } => ({
    name: sql<string>`${sql.raw(name)}`,
    rows: sql<number>`count(*)`,
    sum: sql<string>`${sql.raw(sum)}`,
  });
  const { levels, reservations, ledger, sums } = await readAll(db, {
    levels: select(LEVEL, sql`FROM stock_levels WHERE product_id = ${productId}`),
    reservations: select(
      figures("state", RESERVATION_SUM),
      sql`FROM reservations WHERE product_id = ${productId}
        AND (state IN ('held', 'reserved') OR updated_at >= ${finishedSince}) GROUP BY state ORDER BY state`,
    ),
    ledger: select(
      figures("type", LEDGER_SUM),
      sql`FROM ledger WHERE product_id = ${productId} AND created_at >= ${ledgerSince} GROUP BY type ORDER BY type`,
    ),
    sums: select({ delta: sql<number>`coalesce(sum(delta), 0)` }, sql`FROM ledger WHERE product_id = ${productId}`),
  });
  return { level: levels[0], reservations, ledger, ledgerDelta: sums[0]?.delta ?? 0 };
}

/** D1's ledger entries since a time (ms). */
export async function readCopiedLedger(
  db: Database,
  productId: string,
  since: number,
): Promise<Omit<LedgerRow, "sequence">[]> {
  const { id, type, delta, onHandAfter, reference, actor, createdAt } = stored;
  const fields = { id, type, delta, onHandAfter, reference, actor, createdAt };
  return await db.all(select(fields, sql`FROM ledger WHERE product_id = ${productId} AND created_at >= ${since}`));
}

function inChunks<T>(rows: readonly T[], statement: (chunk: readonly T[]) => SQL): SQL[] {
  const statements: SQL[] = [];
  for (let start = 0; start < rows.length; start += FLUSH_CHANGES) {
    statements.push(statement(rows.slice(start, start + FLUSH_CHANGES)));
  }
  return statements;
}

export interface Rewrite {
  readonly level: LevelState;
  /** All that D1 is to show. */
  readonly reservations: readonly ReservationRow[];
  /** The entries that D1 lacks or that differ there. */
  readonly ledger: readonly LedgerRow[];
}

/**
 * Writes the whole copy, whatever its sequences are: one that is too high would keep every later flush out. Ledger entries are
 * found by their id, because the time is part of their key and may be what is wrong.
 */
export function rewriteStatements({ level, reservations, ledger }: Rewrite, now: number): SQL[] {
  const { productId } = level;
  return [
    sql`UPDATE stock_levels SET sequence = -1, product_version = -1, opening = ${level.opening} WHERE product_id = ${productId}`,
    ...levelUpsert(level, now),
    sql`DELETE FROM reservations WHERE product_id = ${productId}`,
    ...inChunks(reservations, (rows) => reservationsUpsert(productId, rows)),
    ...inChunks(
      ledger.map(({ id }) => id),
      (ids) => sql`DELETE FROM ledger WHERE product_id = ${productId} AND ${inJson(sql`id`, ids)}`,
    ),
    ...inChunks(ledger, (rows) => ledgerInsert(productId, rows)),
  ];
}
