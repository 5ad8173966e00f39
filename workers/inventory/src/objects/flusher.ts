// Brings D1 up to date with one Stock object: when its alarm is due, and one write to D1 at a time. Each row carries the sequence
// or the id that its change made, so a flush that a crash repeats, or a later one overtakes, has no second effect.
import type { Deps } from "#shared/deps";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import {
  FLUSH_CHANGES,
  FLUSH_DELAY_MS,
  FLUSH_RETRY_MS,
  LOST_AFTER_MS,
  MAX_FLUSH_RETRY_MS,
  PURGE_INTERVAL_MS,
  RETENTION_MS,
} from "../constants.ts";
import type { StockBook } from "./book.ts";
import { flushStatements } from "./projection.ts";
import type { Trace } from "./requests.ts";
import type { StockTables } from "./tables.ts";

interface FlusherOptions {
  readonly storage: DurableObjectStorage;
  readonly tables: StockTables;
  readonly deps: Deps;
  /** Runs a change as one transaction. */
  readonly write: (trace: Trace, work: (book: StockBook, now: number) => void) => { readonly hasAdvanced: boolean };
}

export class Flusher {
  readonly #options: FlusherOptions;
  #running: Promise<boolean> | undefined;
  /** When the alarm is due (ms), as far as this instance knows. */
  #alarmAt: number | undefined;
  #failures = 0;

  constructor(options: FlusherOptions) {
    this.#options = options;
  }

  /** Has a change flow to D1 in a moment, together with those that follow it. */
  async armSoon(): Promise<void> {
    await this.#arm(Date.now() + FLUSH_DELAY_MS);
  }

  /** The alarm's work: expired holds, the flush, and once a day what is past its retention. */
  async alarm(trace: Trace): Promise<void> {
    const { storage, tables, write } = this.#options;
    // Armed before the work: an alarm that dies half-way comes again.
    this.#alarmAt = undefined;
    await this.#arm(Date.now() + Math.min(FLUSH_RETRY_MS * 2 ** this.#failures, MAX_FLUSH_RETRY_MS));
    try {
      write(trace, (book) => book.expire());
      await this.flush();
    } catch (error) {
      this.#failures += 1;
      const { productId } = tables.level(Date.now());
      log("warn", "a flush failed and will be tried again", { productId, error });
      return;
    }
    this.#failures = 0;
    this.#purge();
    this.#alarmAt = undefined;
    const at = tables.isPending() ? Date.now() + FLUSH_DELAY_MS : tables.nextExpiry();
    if (at === null) await storage.deleteAlarm();
    else await this.#arm(at);
  }

  /** Writes what D1 lacks; joins a flush that is running. Returns whether there was anything to write. */
  async flush(): Promise<boolean> {
    return await (this.#running ?? this.exclusively(() => this.#flushOnce()));
  }

  /** Runs a write to D1 while no other one runs: an older copy must not land on a newer one. */
  async exclusively(write: () => Promise<boolean>): Promise<boolean> {
    while (this.#running !== undefined) await this.#running.catch(() => false);
    this.#running = write().finally(() => {
      this.#running = undefined;
    });
    return await this.#running;
  }

  async #flushOnce(): Promise<boolean> {
    const { tables, deps } = this.#options;
    const now = Date.now();
    const level = tables.level(now);
    const after = level.flushedSequence;
    if (level.sequence === after) return false;
    const upTo = Math.min(level.sequence, after + FLUSH_CHANGES);
    const reservations = tables.changedReservations(after, upTo);
    const ledger = tables.records.newLedger(after, upTo);
    const events = tables.records.pendingEvents(upTo);
    const audit = tables.records.pendingAudit(upTo);
    await save(deps, { flush: flushStatements({ level, reservations, ledger, events, audit }, now) });
    await this.noteProjected(level.taken, upTo);
    return true;
  }

  /**
   * Notes what D1 has as reserved now, and up to which change it has all. A hold that is in it may have ended while D1 was written: then
   * the level counts as changed, and the next flush writes it again.
   */
  async noteProjected(taken: number, upTo?: number): Promise<void> {
    const { tables } = this.#options;
    await this.change((book, now) => {
      tables.setProjected(taken, upTo);
      if (tables.level(now).taken < taken) book.markChanged();
    });
  }

  /** Runs a change as one transaction, and has it flow to D1 if it left something for it. */
  async change(work: (book: StockBook, now: number) => void): Promise<void> {
    const { hasAdvanced } = this.#options.write({ correlationId: newId("req") }, work);
    if (hasAdvanced) await this.armSoon();
  }

  /** When the alarm is due (ms); null when it is not set. */
  async dueAt(): Promise<number | null> {
    return await this.#options.storage.getAlarm();
  }

  /** One alarm serves everything that has a time, so the earliest wins. One that is long overdue was lost and is set again. */
  async #arm(at: number): Promise<void> {
    if (this.#alarmAt !== undefined && this.#alarmAt <= at && this.#alarmAt > at - LOST_AFTER_MS) return;
    this.#alarmAt = at;
    await this.#options.storage.setAlarm(at);
  }

  #purge(): void {
    const { tables } = this.#options;
    const now = Date.now();
    if (tables.level(now).purgedAt > now - PURGE_INTERVAL_MS) return;
    tables.transaction(() => {
      tables.purge(now - RETENTION_MS, now);
    });
  }
}
