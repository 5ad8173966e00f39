// D1's copy of one product for reconciliation: read back as figures, so that copies of any size can be compared, and written
// again as a whole. The object is right; ledger entries that only D1 has are never touched.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { inJson, readAll } from "#shared/database";
import type { Database } from "#shared/database";
import { FLUSH_CHANGES } from "../constants.ts";
import { ledgerInsert, levelUpsert, reservationsUpsert } from "./projection.ts";
import { LEDGER_FIGURES, RESERVATION_FIGURES } from "./schema.ts";
import type { Figures, LedgerRow, ReservationRow } from "./schema.ts";
import type { LevelState } from "./tables.ts";

/** A level in D1. `sequence` 0, written by no object yet, is read as 1, with which an object opens. */
export type ProjectedLevel = Pick<
  LevelState,
  "sku" | "name" | "vendorId" | "version" | "opening" | "onHand" | "ownThreshold" | "availability" | "sequence"
> & { readonly reserved: number };

export interface Copy {
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
  const [levels, reservations, ledger, sums] = await readAll<[ProjectedLevel, Figures, Figures, { delta: number }]>(
    db,
    [
      sql`SELECT sku, name, vendor_id AS vendorId, product_version AS version, opening, on_hand AS onHand, reserved,
      low_stock_threshold AS ownThreshold, availability, max(sequence, 1) AS sequence
      FROM stock_levels WHERE product_id = ${productId}`,
      sql`SELECT ${sql.raw(RESERVATION_FIGURES)} FROM reservations
      WHERE product_id = ${productId} AND (state IN ('held', 'reserved') OR updated_at >= ${finishedSince})
      GROUP BY state ORDER BY state`,
      sql`SELECT ${sql.raw(LEDGER_FIGURES)} FROM ledger WHERE product_id = ${productId} AND created_at >= ${ledgerSince}
      GROUP BY type ORDER BY type`,
      sql`SELECT coalesce(sum(delta), 0) AS delta FROM ledger WHERE product_id = ${productId}`,
    ],
  );
  return { level: levels[0], reservations, ledger, ledgerDelta: sums[0]?.delta ?? 0 };
}

/** D1's entries of the ledger since a time. */
export async function readCopiedLedger(
  db: Database,
  productId: string,
  since: number,
): Promise<Omit<LedgerRow, "sequence">[]> {
  return await db.all(sql`SELECT id, type, delta, on_hand_after AS onHandAfter, reference, actor, created_at AS createdAt
    FROM ledger WHERE product_id = ${productId} AND created_at >= ${since}`);
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
