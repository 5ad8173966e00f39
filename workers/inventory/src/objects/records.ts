// What changes of one Stock object leave behind: the ledger, returns of orders, Idempotency-Keys, and the events and audit rows on
// their way to D1. Synchronous like tables.ts.
import type { AuditRow } from "#shared/audit";
import { ObjectTable, numberOf } from "./object-table.ts";
import { LEDGER_SUM, adjustments, audit, events, ledger, returns } from "./schema.ts";
import type { AdjustmentRow, EventRow, Figures, LedgerRow, ReturnRow } from "./schema.ts";

export class StockRecords {
  readonly #sql: SqlStorage;
  readonly #ledger: ObjectTable<typeof ledger>;
  readonly #returns: ObjectTable<typeof returns>;
  readonly #adjustments: ObjectTable<typeof adjustments>;
  readonly #events: ObjectTable<typeof events>;
  readonly #audit: ObjectTable<typeof audit>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#ledger = new ObjectTable(sql, ledger);
    this.#returns = new ObjectTable(sql, returns);
    this.#adjustments = new ObjectTable(sql, adjustments);
    this.#events = new ObjectTable(sql, events);
    this.#audit = new ObjectTable(sql, audit);
  }

  addLedger(row: LedgerRow): void {
    this.#ledger.insert(row);
  }

  newLedger(after: number, upTo: number): LedgerRow[] {
    return this.#ledger.all("WHERE sequence > ? AND sequence <= ? ORDER BY sequence", after, upTo);
  }

  /** The time of the oldest entry that the object keeps; earlier ones are in D1 only. */
  oldestEntry(): number {
    return numberOf(this.#sql, "SELECT min(created_at) FROM ledger") ?? Number.MAX_SAFE_INTEGER;
  }

  ledgerFigures(): Figures[] {
    return this.#sql
      .exec<Figures>(
        `SELECT type AS name, count(*) AS rows, ${LEDGER_SUM} AS sum FROM ledger GROUP BY type ORDER BY type`,
      )
      .toArray();
  }

  /** The sum of all entries, also of those that only D1 has. */
  ledgerSum(): number {
    const sums = `SELECT (SELECT coalesce(sum(delta), 0) FROM folded) + (SELECT coalesce(sum(delta), 0) FROM ledger)`;
    return numberOf(this.#sql, sums) ?? 0;
  }

  /** False when this return was recorded before. */
  recordReturn(row: ReturnRow): boolean {
    return this.#returns.insert(row, "ON CONFLICT DO NOTHING");
  }

  /** How much of an owner's goods came back before they were taken. */
  returnedBefore(owner: string): number {
    const query = "SELECT coalesce(sum(quantity), 0) FROM returns WHERE owner = ? AND shelved = 0";
    return numberOf(this.#sql, query, owner) ?? 0;
  }

  /** The digest of the request that an Idempotency-Key was used for. */
  adjustmentFingerprint(actor: string, key: string): string | undefined {
    return this.#adjustments.first("WHERE actor = ? AND key = ?", actor, key)?.fingerprint;
  }

  rememberAdjustment(row: AdjustmentRow): void {
    this.#adjustments.insert(row);
  }

  addEvent(row: EventRow): void {
    this.#events.insert(row);
  }

  pendingEvents(upTo: number): EventRow[] {
    return this.#events.all("WHERE sequence <= ? ORDER BY sequence", upTo);
  }

  addAudit(row: AuditRow, sequence: number): void {
    this.#audit.insert({ id: row.id, row, sequence });
  }

  pendingAudit(upTo: number): AuditRow[] {
    return this.#audit.all("WHERE sequence <= ? ORDER BY sequence", upTo).map(({ row }) => row);
  }

  markFlushed(upTo: number): void {
    this.#sql.exec("DELETE FROM events WHERE sequence <= ?", upTo);
    this.#sql.exec("DELETE FROM audit WHERE sequence <= ?", upTo);
  }

  /** Forgets what is older than `before` (ms): of the ledger what D1 has, keeping its sum; no return that a live reservation needs. */
  purge(before: number): void {
    const old = "created_at < ? AND sequence <= (SELECT flushed_sequence FROM level)";
    this.#sql.exec(
      `UPDATE folded SET delta = delta + (SELECT coalesce(sum(delta), 0) FROM ledger WHERE ${old})`,
      before,
    );
    this.#sql.exec(`DELETE FROM ledger WHERE ${old}`, before);
    this.#sql.exec("DELETE FROM adjustments WHERE created_at < ?", before);
    this.#sql.exec(
      `DELETE FROM returns WHERE created_at < ?
        AND owner NOT IN (SELECT owner FROM reservations WHERE state IN ('held', 'reserved'))`,
      before,
    );
  }
}
