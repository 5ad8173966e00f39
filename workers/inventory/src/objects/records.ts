// What one Stock object keeps beside its level and reservations: the ledger, the returns of orders, audit rows on their way to D1,
// and the figures by which it checks itself. Synchronous like tables.ts.
import type { z } from "zod";
import type { AuditRow } from "#shared/audit";
import type { AdjustmentReason } from "#shared/contracts/inventory";
import { LEDGER_FIGURES } from "./projection.ts";
import type { Figures } from "./projection.ts";

/**
 * `folded.delta` is the sum of the ledger's entries that are not in the object: those older than its opening, which only D1
 * has, and those past their retention. So opening + folded + ledger = on-hand, however long a product is sold.
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS ledger (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  delta INTEGER NOT NULL,
  on_hand_after INTEGER NOT NULL,
  reference TEXT,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ledger_by_sequence ON ledger (sequence);
CREATE TABLE IF NOT EXISTS folded (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  delta INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS returns (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  shelved INTEGER NOT NULL CHECK (shelved IN (0, 1)),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS returns_to_come ON returns (owner) WHERE shelved = 0;
CREATE TABLE IF NOT EXISTS audit (
  id TEXT PRIMARY KEY,
  row TEXT NOT NULL,
  sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO folded SELECT 1, on_hand - opening - (SELECT coalesce(sum(delta), 0) FROM ledger) FROM level;
`;

const LEDGER = `id, type, delta, on_hand_after AS onHandAfter, reference, actor, created_at AS createdAt, sequence`;

export interface LedgerRow {
  readonly id: string;
  readonly type: "sale" | z.infer<typeof AdjustmentReason>;
  readonly delta: number;
  readonly onHandAfter: number;
  readonly reference: string | null;
  readonly actor: string;
  readonly createdAt: number;
  readonly sequence: number;
}

/** Goods of a refunded order. `id` names one return of one order. */
export interface ReturnRow {
  readonly id: string;
  readonly owner: string;
  readonly quantity: number;
  /** Whether on-hand went up: false when the goods had not left. */
  readonly shelved: boolean;
  readonly createdAt: number;
}

/** The sums that must hold inside an object, each as it is kept and as its rows add up. */
export interface Sums {
  readonly onHand: number;
  readonly ledgerSum: number;
  readonly taken: number;
  readonly takenSum: number;
  readonly takenCounted: number;
  readonly takenCountedSum: number;
}

export class StockRecords {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  #rows<T>(query: string, ...bindings: SqlStorageValue[]): T[] {
    return this.#sql.exec(query, ...bindings).toArray() as T[];
  }

  /** Makes what is missing of these tables; an object that was opened by an older version has not all of them. */
  prepare(): void {
    this.#sql.exec(SCHEMA);
  }

  addLedger(row: LedgerRow): void {
    this.#rows(
      `INSERT INTO ledger (id, type, delta, on_hand_after, reference, actor, created_at, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.type,
      row.delta,
      row.onHandAfter,
      row.reference,
      row.actor,
      row.createdAt,
      row.sequence,
    );
  }

  newLedger(after: number, upTo: number): LedgerRow[] {
    return this.#rows(
      `SELECT ${LEDGER} FROM ledger WHERE sequence > ? AND sequence <= ? ORDER BY sequence`,
      after,
      upTo,
    );
  }

  /** The time of the oldest entry; what D1 has from before is folded here. */
  oldestEntry(): number {
    const [row] = this.#rows<{ at: number | null }>("SELECT min(created_at) AS at FROM ledger");
    return row?.at ?? Number.MAX_SAFE_INTEGER;
  }

  ledgerFigures(): Figures[] {
    return this.#rows(`SELECT ${LEDGER_FIGURES} FROM ledger GROUP BY type ORDER BY type`);
  }

  /** Takes entries that D1 has and that are older than `before` out of the object, keeping their sum. */
  dropOldLedger(before: number): void {
    const old = "created_at < ? AND sequence <= (SELECT flushed_sequence FROM level)";
    this.#rows(`UPDATE folded SET delta = delta + (SELECT coalesce(sum(delta), 0) FROM ledger WHERE ${old})`, before);
    this.#rows(`DELETE FROM ledger WHERE ${old}`, before);
  }

  /** False when this return was noted before. */
  recordReturn({ id, owner, quantity, shelved, createdAt }: ReturnRow): boolean {
    const query = `INSERT INTO returns (id, owner, quantity, shelved, created_at) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING RETURNING id`;
    return this.#rows(query, id, owner, quantity, Number(shelved), createdAt).length > 0;
  }

  /** How much of an owner's goods came back before they were taken. */
  returnedBefore(owner: string): number {
    const query = "SELECT coalesce(sum(quantity), 0) AS quantity FROM returns WHERE owner = ? AND shelved = 0";
    return this.#rows<{ quantity: number }>(query, owner)[0]?.quantity ?? 0;
  }

  addAudit(row: AuditRow, sequence: number): void {
    this.#rows("INSERT INTO audit (id, row, sequence) VALUES (?, ?, ?)", row.id, JSON.stringify(row), sequence);
  }

  pendingAudit(upTo: number): AuditRow[] {
    const rows = this.#rows<{ row: string }>("SELECT row FROM audit WHERE sequence <= ? ORDER BY sequence", upTo);
    return rows.map(({ row }) => JSON.parse(row) as AuditRow);
  }

  markFlushed(upTo: number): void {
    this.#rows("DELETE FROM audit WHERE sequence <= ?", upTo);
  }

  /** Forgets returns as old as this, but not those that a live reservation is still to heed. */
  purge(before: number): void {
    this.dropOldLedger(before);
    this.#rows(
      `DELETE FROM returns WHERE created_at < ?
        AND owner NOT IN (SELECT owner FROM reservations WHERE state IN ('held', 'reserved'))`,
      before,
    );
  }

  sums(): Sums {
    const [sums] = this.#rows<Sums>(
      `SELECT on_hand AS onHand, taken,
        opening + (SELECT coalesce(sum(delta), 0) FROM folded) + (SELECT coalesce(sum(delta), 0) FROM ledger) AS ledgerSum,
        (SELECT coalesce(sum(quantity), 0) FROM reservations WHERE state IN ('held', 'reserved')) AS takenSum,
        taken_counted AS takenCounted,
        (SELECT coalesce(sum(counted * quantity), 0) FROM reservations WHERE state IN ('held', 'reserved')) AS takenCountedSum
      FROM level`,
    );
    if (sums === undefined) throw new Error("the stock object is not open");
    return sums;
  }

  /** Counts what is taken anew from the rows. The CHECK refuses more than is on hand. */
  recountTaken(): void {
    this.#rows(`UPDATE level SET (taken, taken_counted) =
      (SELECT coalesce(sum(quantity), 0), coalesce(sum(counted * quantity), 0) FROM reservations
        WHERE state IN ('held', 'reserved'))`);
  }
}
