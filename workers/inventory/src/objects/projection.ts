// D1's copy of one product, as the object reads it back to compare: figures by which two copies of any size are told apart without
// reading every row, and the statements that write the whole copy anew. The object is the truth; what only D1 knows (entries of the
// ledger that the object has folded) is never touched.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { inJson, readAll } from "#shared/database";
import type { Database } from "#shared/database";
import { FLUSH_CHANGES } from "../constants.ts";
import { ledgerInsert, levelUpsert, reservationsUpsert } from "./flush.ts";
import type { LedgerRow } from "./records.ts";
import type { LevelState, ReservationRow } from "./tables.ts";

/** A level as D1 shows it; `sequence` 0, written by no object, counts as 1, with which an object opens. */
export type ProjectedLevel = Pick<
  LevelState,
  "sku" | "name" | "vendorId" | "version" | "opening" | "onHand" | "ownThreshold" | "availability" | "sequence"
> & { readonly reserved: number };

/** The reservations of one state, or the ledger's entries of one type, added up. Texts, because sums of times pass 2^53. */
export interface Figures {
  readonly name: string;
  readonly rows: number;
  readonly sum: string;
}

export interface Copy {
  readonly level: ProjectedLevel | undefined;
  readonly reservations: readonly Figures[];
  /** Entries since the oldest that the object keeps. */
  readonly ledger: readonly Figures[];
  /** The sum of all entries there are. */
  readonly ledgerDelta: number;
}

/** The columns of Figures, the same text for D1 and for the object. */
export const RESERVATION_FIGURES = `state AS name, count(*) AS rows, cast(sum(quantity) AS TEXT) || ':'
  || cast(sum(updated_at) AS TEXT) || ':' || cast(sum(max(sequence, 1)) AS TEXT) || ':'
  || cast(sum(coalesce(expires_at, 0)) AS TEXT) || ':' || cast(sum(length(owner)) AS TEXT) || ':' || cast(sum(counted) AS TEXT)
  AS sum`;
export const LEDGER_FIGURES = `type AS name, count(*) AS rows, cast(sum(delta) AS TEXT) || ':'
  || cast(sum(on_hand_after) AS TEXT) || ':' || cast(sum(created_at) AS TEXT) AS sum`;

/** Reads D1's copy. Settled reservations count since `settledSince`, the ledger since `ledgerSince` (ms). */
export async function readCopy(
  db: Database,
  productId: string,
  { settledSince, ledgerSince }: { settledSince: number; ledgerSince: number },
): Promise<Copy> {
  const [levels, reservations, ledger, sums] = await readAll<[ProjectedLevel, Figures, Figures, { delta: number }]>(
    db,
    [
      sql`SELECT sku, name, vendor_id AS vendorId, product_version AS version, opening, on_hand AS onHand, reserved,
      low_stock_threshold AS ownThreshold, availability, max(sequence, 1) AS sequence
      FROM stock_levels WHERE product_id = ${productId}`,
      sql`SELECT ${sql.raw(RESERVATION_FIGURES)} FROM reservations
      WHERE product_id = ${productId} AND (state IN ('held', 'reserved') OR updated_at >= ${settledSince})
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
  /** The entries that D1 lacks or has otherwise. */
  readonly ledger: readonly LedgerRow[];
}

/**
 * Writes the copy anew, whatever sequences stand there: too high a one would keep every later flush out. Entries are found by
 * their id, because the time is part of their key and may be what is wrong.
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
