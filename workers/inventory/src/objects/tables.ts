// The level and the reservations of one Stock object: what a decision reads and writes. Everything is synchronous: a method that
// reads, decides and writes without an await between cannot be interleaved with another call.
import type { Published } from "../domain/stock.ts";
import { ObjectTable, numberOf } from "./object-table.ts";
import { StockRecords } from "./records.ts";
import type { ProductDetails } from "./requests.ts";
import { ADD_COUNTED, CREATE, CREATE_RECORDS, RESERVATION_SUM, TRIGGERS, level, reservations } from "./schema.ts";
import type { Figures, LevelRow, ReservationRow } from "./schema.ts";

export interface LevelState extends LevelRow {
  /** The part of `taken` that is held past its time. */
  readonly expired: number;
}

/** What an object opens with. */
export interface Opening {
  readonly level: Omit<LevelRow, "id" | "taken" | "takenCounted" | "flushedSequence" | "projectedTaken" | "purgedAt">;
  readonly reservations: readonly ReservationRow[];
}

export class StockTables {
  readonly #storage: DurableObjectStorage;
  readonly #level: ObjectTable<typeof level>;
  readonly #reservations: ObjectTable<typeof reservations>;
  readonly records: StockRecords;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#level = new ObjectTable(storage.sql, level);
    this.#reservations = new ObjectTable(storage.sql, reservations);
    this.records = new StockRecords(storage.sql);
  }

  /** Runs `work` as one transaction: a throw undoes it all. `work` must not be async: after an await it would be outside. */
  transaction<T>(work: () => T): T {
    return this.#storage.transactionSync(work);
  }

  /** The tables are made when the object opens, so a call for a product that does not exist leaves nothing behind. */
  isOpen(): boolean {
    return this.#has("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'level'");
  }

  /** Gives an object that an earlier version opened what it lacks. */
  upgrade(): void {
    this.transaction(() => {
      const isCounted = this.#has("SELECT 1 FROM sqlite_master WHERE name = 'level' AND sql LIKE '%taken_counted%'");
      if (!isCounted) this.#run(ADD_COUNTED);
      else if (!this.#has("SELECT 1 FROM sqlite_master WHERE name = 'reservation_added' AND sql LIKE '%max(sequence%'"))
        this.#run(TRIGGERS);
      this.#run(CREATE_RECORDS);
    });
  }

  open({ level: opening, reservations: rows }: Opening, now: number): void {
    this.#run(CREATE);
    const none = { taken: 0, takenCounted: 0, projectedTaken: 0 };
    this.#level.insert({ ...opening, ...none, id: 1, flushedSequence: opening.sequence, purgedAt: now });
    for (const row of rows) this.put(row);
    this.#run("UPDATE level SET shown_taken = taken");
    this.#run(CREATE_RECORDS);
  }

  /** @throws when the object is not open. */
  level(now: number): LevelState {
    const expired = "SELECT coalesce(sum(quantity), 0) FROM reservations WHERE state = 'held' AND expires_at <= ?";
    return { ...this.#levelRow(), expired: this.#number(expired, now) ?? 0 };
  }

  #levelRow(): LevelRow {
    const row = this.#level.first("");
    if (row === undefined) throw new Error("the stock object is not open");
    return row;
  }

  reservation(owner: string): ReservationRow | undefined {
    return this.#reservations.first("WHERE owner = ?", owner);
  }

  put(row: ReservationRow): void {
    this.#reservations.put(row, "owner");
  }

  /** Marks the holds past their time. Returns whether D1 has any of them. */
  expire(now: number, sequence: number): boolean {
    const expired = this.#run(
      `UPDATE reservations SET state = 'expired', updated_at = ?1, sequence = iif(sequence > 0, ?2, 0)
      WHERE state = 'held' AND expires_at <= ?1 RETURNING sequence`,
      now,
      sequence,
    ).toArray();
    return expired.some((row) => row["sequence"] !== 0);
  }

  /** Whether anybody else holds some of the product. `onlyCounted`: some that counts toward the share. */
  isHeldByOthers(owner: string, now: number, { onlyCounted }: { readonly onlyCounted: boolean }): boolean {
    const query =
      "SELECT 1 FROM reservations WHERE state = 'held' AND expires_at > ? AND owner <> ? AND counted >= ? LIMIT 1";
    return this.#has(query, now, owner, Number(onlyCounted));
  }

  /** When the next hold expires (ms). */
  nextExpiry(): number | null {
    return this.#number("SELECT min(expires_at) FROM reservations WHERE state = 'held'");
  }

  /** Counts a change that D1 is to get, if its reservation has not done so, and moves on-hand. Returns the new level. */
  advance(sequence: number, onHandDelta: number): LevelRow {
    this.#run(
      "UPDATE level SET sequence = max(sequence, ?1), on_hand = on_hand + ?2 WHERE sequence < ?1 OR ?2 <> 0",
      sequence,
      onHandDelta,
    );
    return this.#levelRow();
  }

  setPublished({ armed, availability }: Published): void {
    this.#run("UPDATE level SET armed = ?, availability = ?", Number(armed), availability);
  }

  /** The shop's default may change with a deployment; STOCK_LOW is then armed for the new one. */
  setDefaultThreshold(threshold: number): void {
    this.#run(
      `UPDATE level SET threshold = ?1, armed = (on_hand - taken > ?1) WHERE own_threshold IS NULL AND threshold <> ?1`,
      threshold,
    );
  }

  setOwnThreshold(threshold: number): void {
    this.#run("UPDATE level SET own_threshold = ?1, threshold = ?1", threshold);
  }

  /** Takes over the catalog's details. False when the object has these or later ones. */
  describe({ sku, name, vendorId, version }: ProductDetails): boolean {
    const query = `UPDATE level SET sku = ?, name = ?, vendor_id = ?, product_version = ?4 WHERE product_version < ?4`;
    return this.#run(query, sku, name, vendorId, version).rowsWritten > 0;
  }

  /** Whether a change waits for a flush. */
  isPending(): boolean {
    return this.#has("SELECT 1 FROM level WHERE sequence > flushed_sequence");
  }

  changedReservations(after: number, upTo: number): ReservationRow[] {
    return this.#reservations.all("WHERE sequence > ? AND sequence <= ? ORDER BY sequence", after, upTo);
  }

  /** Notes what D1 has as reserved, and that it has all changes up to `upTo`. */
  setProjected(taken: number, upTo = 0): void {
    this.#run("UPDATE level SET shown_taken = ?, flushed_sequence = max(flushed_sequence, ?)", taken, upTo);
    this.records.markFlushed(upTo);
  }

  /** Forgets what was finished before `before` (ms). */
  purge(before: number, now: number): void {
    const finished = "state IN ('expired', 'consumed', 'released')";
    this.#run(`DELETE FROM reservations WHERE ${finished} AND updated_at < ?`, before);
    this.records.purge(before);
    this.#run("UPDATE level SET purged_at = ?", now);
  }

  /** The reservations that D1 has, added up by state; finished ones only since `finishedSince` (ms). */
  reservationFigures(finishedSince: number): Figures[] {
    return this.#storage.sql
      .exec<Figures>(
        `SELECT state AS name, count(*) AS rows, ${RESERVATION_SUM} AS sum FROM reservations
        WHERE sequence > 0 AND (state IN ('held', 'reserved') OR updated_at >= ?) GROUP BY state ORDER BY state`,
        finishedSince,
      )
      .toArray();
  }

  /** What `taken` and `takenCounted` should be: the sums of the rows. */
  takenByRows(): Pick<LevelRow, "taken" | "takenCounted"> {
    const sumOf = (units: string): number =>
      this.#number(`SELECT coalesce(sum(${units}), 0) FROM reservations WHERE state IN ('held', 'reserved')`) ?? 0;
    return { taken: sumOf("quantity"), takenCounted: sumOf("counted * quantity") };
  }

  /** The CHECK refuses more than is on hand. */
  setTaken({ taken, takenCounted }: Pick<LevelRow, "taken" | "takenCounted">): void {
    this.#run("UPDATE level SET taken = ?, taken_counted = ?", taken, takenCounted);
  }

  #run(query: string, ...bindings: SqlStorageValue[]): SqlStorageCursor<Record<string, SqlStorageValue>> {
    return this.#storage.sql.exec(query, ...bindings);
  }

  /** Whether a query finds a row. */
  #has(query: string, ...bindings: SqlStorageValue[]): boolean {
    return this.#run(query, ...bindings).toArray().length > 0;
  }

  /** The one number that a query computes; null where it is NULL. */
  #number(query: string, ...bindings: SqlStorageValue[]): number | null {
    return numberOf(this.#storage.sql, query, ...bindings);
  }
}
