// The SQLite of one Stock object: its tables and every statement on them. All of it is synchronous, so a method that reads,
// decides and writes without an await between cannot be interleaved.
import type { Availability } from "#shared/events/catalogue";
import type { Reservation } from "../domain/stock.ts";
import { RESERVATION_FIGURES } from "./projection.ts";
import type { Figures } from "./projection.ts";
import { StockRecords } from "./records.ts";

const SCHEMA = `
CREATE TABLE level (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  product_id TEXT NOT NULL,
  sku TEXT NOT NULL,
  name TEXT NOT NULL,
  vendor_id TEXT,
  product_version INTEGER NOT NULL,
  opening INTEGER NOT NULL,
  on_hand INTEGER NOT NULL CHECK (on_hand >= 0),
  taken INTEGER NOT NULL DEFAULT 0 CHECK (taken >= 0),
  own_threshold INTEGER,
  threshold INTEGER NOT NULL,
  armed INTEGER NOT NULL,
  availability TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  flushed_sequence INTEGER NOT NULL,
  shown_taken INTEGER NOT NULL,
  purged_at INTEGER NOT NULL,
  taken_counted INTEGER NOT NULL DEFAULT 0 CHECK (taken_counted BETWEEN 0 AND taken),
  CHECK (taken <= on_hand)
) STRICT;
CREATE TABLE reservations (
  owner TEXT PRIMARY KEY,
  order_id TEXT,
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  state TEXT NOT NULL CHECK (state IN ('held', 'expired', 'reserved', 'consumed', 'released')),
  expires_at INTEGER,
  attempt TEXT,
  updated_at INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  counted INTEGER NOT NULL DEFAULT 0 CHECK (counted IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_held ON reservations (expires_at, quantity) WHERE state = 'held';
CREATE INDEX reservations_changed ON reservations (sequence) WHERE sequence > 0;
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  envelope TEXT NOT NULL,
  sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE adjustments (
  actor TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
`;

/**
 * `taken` and its part `taken_counted` are kept by triggers from the rows that are held or reserved, so that CHECKs can refuse what
 * would oversell, and a hold need not add up thousands of rows.
 */
const TRIGGERS = `
DROP TRIGGER IF EXISTS reservation_added;
DROP TRIGGER IF EXISTS reservation_changed;
DROP TRIGGER IF EXISTS reservation_removed;
CREATE TRIGGER reservation_added AFTER INSERT ON reservations WHEN NEW.state IN ('held', 'reserved')
BEGIN UPDATE level SET taken = taken + NEW.quantity, taken_counted = taken_counted + NEW.counted * NEW.quantity; END;
CREATE TRIGGER reservation_changed AFTER UPDATE OF state, quantity, counted ON reservations
BEGIN UPDATE level SET taken = taken - iif(OLD.state IN ('held', 'reserved'), OLD.quantity, 0)
    + iif(NEW.state IN ('held', 'reserved'), NEW.quantity, 0),
  taken_counted = taken_counted - iif(OLD.state IN ('held', 'reserved'), OLD.counted * OLD.quantity, 0)
    + iif(NEW.state IN ('held', 'reserved'), NEW.counted * NEW.quantity, 0); END;
CREATE TRIGGER reservation_removed AFTER DELETE ON reservations WHEN OLD.state IN ('held', 'reserved')
BEGIN UPDATE level SET taken = taken - OLD.quantity, taken_counted = taken_counted - OLD.counted * OLD.quantity; END;
`;

/** What an object that was opened before reservations were counted lacks. */
const COUNTED_COLUMNS = `
ALTER TABLE level ADD COLUMN taken_counted INTEGER NOT NULL DEFAULT 0 CHECK (taken_counted BETWEEN 0 AND taken);
ALTER TABLE reservations ADD COLUMN counted INTEGER NOT NULL DEFAULT 0 CHECK (counted IN (0, 1));
`;

/** What the catalog says of the product. */
export interface ProductDetails {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly vendorId: string | null;
  readonly version: number;
}

export interface LevelState extends ProductDetails {
  readonly opening: number;
  readonly onHand: number;
  /** Held and reserved together, holds past their time included until they are marked. */
  readonly taken: number;
  /** The part of `taken` that counts toward the share of buyers without proof. */
  readonly takenCounted: number;
  /** The part of `taken` that is past its time. */
  readonly expired: number;
  /** The product's own, or null where the shop's default counts. */
  readonly ownThreshold: number | null;
  readonly threshold: number;
  readonly armed: boolean;
  readonly availability: Availability;
  readonly sequence: number;
  readonly flushedSequence: number;
  /** What the projection counts as taken. */
  readonly projectedTaken: number;
  readonly purgedAt: number;
}

/** A row of `reservations`. Sequence 0: nobody outside the object has heard of it. */
export interface ReservationRow extends Reservation {
  readonly owner: string;
  readonly orderId: string | null;
  /** The last attempt to hold that touched the row: only that one may undo it. */
  readonly attempt: string | null;
  readonly updatedAt: number;
  readonly sequence: number;
  /** Whether it counts toward the share of buyers without proof while it is held or reserved. It never does again once it does not. */
  readonly counted: boolean;
}

export interface EventRow {
  readonly id: string;
  readonly envelope: string;
}

/** What a level is opened with. */
export interface Opening extends ProductDetails {
  readonly opening: number;
  readonly onHand: number;
  readonly ownThreshold: number | null;
  readonly threshold: number;
  readonly armed: boolean;
  readonly availability: Availability;
  readonly sequence: number;
  readonly reservations: readonly ReservationRow[];
}

type Sql = Record<string, SqlStorageValue>;

const LEVEL = `product_id AS productId, sku, name, vendor_id AS vendorId, product_version AS version, opening, on_hand AS onHand,
  taken, taken_counted AS takenCounted, own_threshold AS ownThreshold, threshold, armed, availability, level.sequence AS sequence, flushed_sequence AS flushedSequence, shown_taken AS projectedTaken,
  purged_at AS purgedAt,
  (SELECT coalesce(sum(quantity), 0) FROM reservations WHERE state = 'held' AND expires_at <= ?1) AS expired`;

const RESERVATION = `owner, order_id AS orderId, quantity, state, expires_at AS expiresAt, attempt, updated_at AS updatedAt, sequence, counted`;

/** As SQLite gives it, which knows no booleans. */
export type StoredReservation = Omit<ReservationRow, "counted"> & { readonly counted: number };

export function toReservation(row: StoredReservation): ReservationRow {
  return { ...row, counted: row.counted === 1 };
}

export class StockTables {
  readonly #storage: DurableObjectStorage;
  readonly records: StockRecords;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.records = new StockRecords(storage.sql);
  }

  #rows<T>(query: string, ...bindings: SqlStorageValue[]): T[] {
    return this.#storage.sql.exec<Sql>(query, ...bindings).toArray() as T[];
  }

  /** Runs `work` as one transaction: a throw undoes it all. `work` must not be async, its awaits would fall outside. */
  transaction<T>(work: () => T): T {
    return this.#storage.transactionSync(work);
  }

  /** The tables are made when the object opens, so asking for a product that does not exist leaves nothing behind. */
  isOpen(): boolean {
    return this.#rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'level'").length > 0;
  }

  /** Gives an object that an older version has opened what it lacks. */
  upgrade(): void {
    const query = "SELECT 1 FROM sqlite_master WHERE name = 'level' AND sql LIKE '%taken_counted%'";
    this.transaction(() => {
      if (this.#rows(query).length === 0) this.#storage.sql.exec(COUNTED_COLUMNS + TRIGGERS);
      this.records.prepare();
    });
  }

  open(opening: Opening, now: number): void {
    this.#storage.sql.exec(SCHEMA + TRIGGERS);
    this.#rows(
      `INSERT INTO level (id, product_id, sku, name, vendor_id, product_version, opening, on_hand, own_threshold, threshold, armed,
        availability, sequence, flushed_sequence, shown_taken, purged_at) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
      opening.productId,
      opening.sku,
      opening.name,
      opening.vendorId,
      opening.version,
      opening.opening,
      opening.onHand,
      opening.ownThreshold,
      opening.threshold,
      Number(opening.armed),
      opening.availability,
      opening.sequence,
      opening.sequence,
      now,
    );
    for (const row of opening.reservations) this.put(row);
    this.#rows("UPDATE level SET shown_taken = taken");
    this.records.prepare();
  }

  /** The shop's default threshold may differ from run to run; the alarm is then armed for the new one. */
  useThreshold(threshold: number): void {
    this.#rows(
      `UPDATE level SET threshold = ?1, armed = (on_hand - taken > ?1) WHERE own_threshold IS NULL AND threshold <> ?1`,
      threshold,
    );
  }

  /** The threshold of this product alone. */
  setThreshold(threshold: number): void {
    this.#rows("UPDATE level SET own_threshold = ?1, threshold = ?1", threshold);
  }

  /** @throws when the object is not open. */
  level(now: number): LevelState {
    const [level] = this.#rows<Omit<LevelState, "armed"> & { readonly armed: number }>(
      `SELECT ${LEVEL} FROM level`,
      now,
    );
    if (level === undefined) throw new Error("the stock object is not open");
    return { ...level, armed: Boolean(level.armed) };
  }

  reservation(owner: string): ReservationRow | undefined {
    const [row] = this.#rows<StoredReservation>(`SELECT ${RESERVATION} FROM reservations WHERE owner = ?`, owner);
    return row && toReservation(row);
  }

  put(row: ReservationRow): void {
    this.#rows(
      `INSERT INTO reservations (owner, order_id, quantity, state, expires_at, attempt, updated_at, sequence, counted)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (owner) DO UPDATE SET order_id = excluded.order_id, quantity = excluded.quantity, state = excluded.state,
        expires_at = excluded.expires_at, attempt = excluded.attempt, updated_at = excluded.updated_at, sequence = excluded.sequence,
        counted = excluded.counted`,
      row.owner,
      row.orderId,
      row.quantity,
      row.state,
      row.expiresAt,
      row.attempt,
      row.updatedAt,
      row.sequence,
      Number(row.counted),
    );
  }

  /** Marks the holds past their time. Tells whether any of them had been shown outside. */
  expire(now: number, sequence: number): boolean {
    const expired = this.#rows<{ sequence: number }>(
      `UPDATE reservations SET state = 'expired', updated_at = ?1, sequence = iif(sequence > 0, ?2, 0)
      WHERE state = 'held' AND expires_at <= ?1 RETURNING sequence`,
      now,
      sequence,
    );
    return expired.some((row) => row.sequence > 0);
  }

  /** `onlyCounted`: whether others hold something that counts toward the share. */
  isHeldByOthers(owner: string, now: number, { onlyCounted }: { readonly onlyCounted: boolean }): boolean {
    const query =
      "SELECT 1 FROM reservations WHERE state = 'held' AND expires_at > ? AND owner <> ? AND counted >= ? LIMIT 1";
    return this.#rows(query, now, owner, Number(onlyCounted)).length > 0;
  }

  nextExpiry(): number | null {
    const [row] = this.#rows<{ at: number | null }>(
      "SELECT min(expires_at) AS at FROM reservations WHERE state = 'held'",
    );
    return row?.at ?? null;
  }

  /** Counts a change that is to be seen outside, and moves on-hand. Returns the new figures. */
  advance(onHandDelta: number): { readonly onHand: number; readonly taken: number; readonly sequence: number } {
    const [row] = this.#rows<{ onHand: number; taken: number; sequence: number }>(
      `UPDATE level SET sequence = sequence + 1, on_hand = on_hand + ? RETURNING on_hand AS onHand, taken, sequence`,
      onHandDelta,
    );
    if (row === undefined) throw new Error("the stock object is not open");
    return row;
  }

  setPublished(armed: boolean, availability: Availability): void {
    this.#rows("UPDATE level SET armed = ?, availability = ?", Number(armed), availability);
  }

  describe(details: ProductDetails): boolean {
    return (
      this.#rows(
        `UPDATE level SET sku = ?, name = ?, vendor_id = ?, product_version = ?4 WHERE product_version < ?4 RETURNING 1`,
        details.sku,
        details.name,
        details.vendorId,
        details.version,
      ).length > 0
    );
  }

  addEvent(event: EventRow, sequence: number): void {
    this.#rows("INSERT INTO events (id, envelope, sequence) VALUES (?, ?, ?)", event.id, event.envelope, sequence);
  }

  adjustmentFingerprint(actor: string, key: string): string | undefined {
    const query = "SELECT fingerprint FROM adjustments WHERE actor = ? AND key = ?";
    return this.#rows<{ fingerprint: string }>(query, actor, key)[0]?.fingerprint;
  }

  rememberAdjustment(actor: string, key: string, fingerprint: string, now: number): void {
    const query = "INSERT INTO adjustments (actor, key, fingerprint, created_at) VALUES (?, ?, ?, ?)";
    this.#rows(query, actor, key, fingerprint, now);
  }

  /** Whether anything waits for a flush. */
  isPending(): boolean {
    return this.#rows("SELECT 1 FROM level WHERE sequence > flushed_sequence").length > 0;
  }

  changedReservations(after: number, upTo: number): ReservationRow[] {
    const query = `SELECT ${RESERVATION} FROM reservations WHERE sequence > ? AND sequence <= ? ORDER BY sequence`;
    return this.#rows<StoredReservation>(query, after, upTo).map(toReservation);
  }

  /** What D1 shows of the reservations, added up; settled ones since a time. */
  reservationFigures(settledSince: number): Figures[] {
    return this.#rows(
      `SELECT ${RESERVATION_FIGURES} FROM reservations
      WHERE sequence > 0 AND (state IN ('held', 'reserved') OR updated_at >= ?) GROUP BY state ORDER BY state`,
      settledSince,
    );
  }

  pendingEvents(upTo: number): EventRow[] {
    return this.#rows("SELECT id, envelope FROM events WHERE sequence <= ? ORDER BY sequence", upTo);
  }

  markFlushed(upTo: number, projectedTaken: number): void {
    this.#rows("UPDATE level SET flushed_sequence = max(flushed_sequence, ?), shown_taken = ?", upTo, projectedTaken);
    this.#rows("DELETE FROM events WHERE sequence <= ?", upTo);
    this.records.markFlushed(upTo);
  }

  /** Remembers what the projection counts as taken. */
  setProjectedTaken(taken: number): void {
    this.#rows("UPDATE level SET shown_taken = ?", taken);
  }

  purge(before: number, now: number): void {
    this.#rows(
      "DELETE FROM reservations WHERE state IN ('expired', 'consumed', 'released') AND updated_at < ?",
      before,
    );
    this.#rows("DELETE FROM adjustments WHERE created_at < ?", before);
    this.records.purge(before);
    this.#rows("UPDATE level SET purged_at = ?", now);
  }
}
