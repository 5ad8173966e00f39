// The stock of one product, named by the product's id: the truth for what is on hand, held, reserved and sold; D1 has copies.
// Its methods answer plain data and change the book (book.ts) without an await between reading and writing, which is what keeps
// 200 buyers at once from buying the same unit.
//
// A mere hold of an order stays inside. Every other change counts the sequence up and flows to D1 by the alarm, with the events
// that it causes. The projection counts the holds that were live at that flush; when one of those ends without becoming a
// reservation, that is a change too.
import { DurableObject } from "cloudflare:workers";
import type { Level } from "#shared/contracts/inventory";
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { newId } from "#shared/ids";
import { log, withInvocation } from "#shared/logger";
import { save } from "#shared/outbox";
import { err, ok } from "#shared/result";
import type { Result } from "#shared/result";
import {
  FLUSH_CHANGES,
  FLUSH_DELAY_MS,
  FLUSH_RETRY_MS,
  LOST_AFTER_MS,
  MAX_FLUSH_RETRY_MS,
  PURGE_INTERVAL_MS,
  RETENTION_MS,
  WORKER,
} from "../constants.ts";
import { availabilityOf } from "../domain/stock.ts";
import { StockBook } from "./book.ts";
import type {
  AdjustRefusal,
  Adjustment,
  Foreign,
  Held,
  HoldRequest,
  OrderLine,
  Refusal,
  ReservedLine,
  ReturnedLine,
  ThresholdChange,
  Trace,
} from "./book.ts";
import { flushStatements } from "./flush.ts";
import { emptyOpening, readOpening } from "./opening.ts";
import { NO_DIFFERENCES, reconcile } from "./reconciliation.ts";
import type { Reconciliation } from "./reconciliation.ts";
import { StockTables } from "./tables.ts";
import type { LevelState, ProductDetails } from "./tables.ts";

/** What a Stock object works with. */
export interface StockDeps extends Deps {
  /** The shop's default threshold, where a product has none of its own. */
  readonly lowStockThreshold: number;
  /** The share of a product that buyers without proof may hold together, 0 to 100. */
  readonly unprovenSharePercent: number;
}

/** A whole percentage. A setting that is none stops the Worker: guessing would refuse buyers, or let everything be held. */
function percentSetting(name: string, value: string): number {
  const percent = Number(value);
  if (!/^\d+$/.test(value) || percent > 100) {
    throw new Error(`${name} must be a whole number from 0 to 100`);
  }
  return percent;
}

export function stockDeps(env: InventoryEnv, ctx: Pick<ExecutionContext, "waitUntil">): StockDeps {
  return {
    ...baseDeps(WORKER, env, ctx),
    lowStockThreshold: Number(env.LOW_STOCK_THRESHOLD),
    unprovenSharePercent: percentSetting("UNPROVEN_SHARE_PERCENT", env.UNPROVEN_SHARE_PERCENT),
  };
}

export type Unknown = { readonly reason: "unknown_product" };
export type StockFailure = Refusal | Unknown;
export type OwnedLevel = Level & { readonly vendorId: string | null };

const UNKNOWN = err({ reason: "unknown_product" } as const);

function render(level: LevelState): OwnedLevel {
  const reserved = level.taken - level.expired;
  const available = level.onHand - reserved;
  const status = availabilityOf(available, level.threshold);
  const { productId, onHand, threshold, vendorId } = level;
  return { productId, available, status, onHand, reserved, lowStockThreshold: threshold, vendorId };
}

export class Stock extends DurableObject<InventoryEnv> {
  readonly #tables: StockTables;
  readonly #deps: StockDeps;
  #isOpen: boolean;
  #opening: Promise<void> | undefined;
  #flushing: Promise<boolean> | undefined;
  /** When the alarm is due, as far as this instance knows. */
  #alarmAt: number | undefined;
  #failedFlushes = 0;

  constructor(ctx: DurableObjectState, env: InventoryEnv) {
    super(ctx, env);
    this.#deps = stockDeps(env, ctx);
    this.#tables = new StockTables(ctx.storage);
    this.#isOpen = this.#tables.isOpen();
    if (!this.#isOpen) return;
    this.#tables.upgrade();
    this.#tables.useThreshold(this.#deps.lowStockThreshold);
  }

  /** Holds a quantity, or finds it held by the same owner already. An owner that was released or served is `closed`. */
  async hold(request: HoldRequest, trace: Trace): Promise<Result<Held, StockFailure>> {
    if (!(await this.#open())) return UNKNOWN;
    return await this.#change(trace, (book) => book.hold(request));
  }

  /** Whether `hold` would be refused now, and why. Holds nothing. */
  async refusalOf(request: HoldRequest, trace: Trace): Promise<Result<null, StockFailure>> {
    if (!(await this.#open())) return UNKNOWN;
    return await this.#change(trace, (book) => book.refusalOf(request));
  }

  /** Takes back the hold of an attempt that failed elsewhere. */
  async undo(owner: string, attempt: string, trace: Trace): Promise<void> {
    if (!(await this.#open())) return;
    await this.#change(trace, (book) => {
      book.undo(owner, attempt);
    });
  }

  /** The order exists: what it held is its own until it is shipped or cancelled. `closed` and `short` reject it. Idempotent. */
  async reserve(line: ReservedLine, trace: Trace): Promise<Result<null, StockFailure>> {
    if (!(await this.#open())) return UNKNOWN;
    return await this.#change(trace, (book) => book.reserve(line));
  }

  /** The order's money is authorized: what it has of the product counts toward the share of buyers without proof no longer. Idempotent. */
  async stopCounting(owner: string, trace: Trace): Promise<Result<null, Unknown>> {
    if (!(await this.#open())) return UNKNOWN;
    return await this.#change(trace, (book) => {
      book.stopCounting(owner);
      return ok(null);
    });
  }

  /**
   * The goods have left: on-hand goes down, with a sale in the ledger, once. Without a live reservation (released, expired or
   * never heard of) they come out of what is free, because they are gone; `short` when that is too little.
   */
  async consume(line: OrderLine, trace: Trace): Promise<Result<null, StockFailure>> {
    if (!(await this.#open())) return UNKNOWN;
    return await this.#change(trace, (book) => book.consume(line));
  }

  /**
   * Gives back what the owner has and shuts it out for RETENTION_MS, also one never heard of: its hold may still be on the way.
   * Answers how much came back. Idempotent; an unknown product has nothing to give back.
   */
  async release(owner: string, trace: Trace): Promise<number> {
    if (!(await this.#open())) return 0;
    return await this.#change(trace, (book) => book.release(owner));
  }

  /** Goods of a refunded order come back: on the shelf when they had left, else off what the order has reserved. By `returnId`, once. */
  async takeBack(line: ReturnedLine, trace: Trace): Promise<Result<null, Unknown>> {
    if (!(await this.#open())) return UNKNOWN;
    return await this.#change(trace, (book) => {
      book.takeBack(line);
      return ok(null);
    });
  }

  /** Gives the product a threshold of its own. */
  async setThreshold(change: ThresholdChange, trace: Trace): Promise<Result<OwnedLevel, Foreign | Unknown>> {
    if (!(await this.#open())) return UNKNOWN;
    return await this.#change(trace, (book) => {
      const done = book.setThreshold(change);
      return done.ok ? ok(this.#level()) : done;
    });
  }

  /** Moves on-hand and writes the ledger. `short` when that would go below what is held. The memory of keys is here. */
  async adjust(
    adjustment: Adjustment,
    trace: Trace,
  ): Promise<Result<{ readonly level: OwnedLevel; readonly replayed: boolean }, AdjustRefusal | Unknown>> {
    if (!(await this.#open())) return UNKNOWN;
    return await this.#change(trace, (book) => {
      const done = book.adjust(adjustment);
      return done.ok ? ok({ level: this.#level(), replayed: done.value.replayed }) : done;
    });
  }

  /** Whether an adjustment under this key was done here. */
  async remembersAdjustment(actor: string, key: string): Promise<boolean> {
    return (await this.#open()) && this.#tables.adjustmentFingerprint(actor, key) !== undefined;
  }

  async level(): Promise<Result<OwnedLevel, Unknown>> {
    return (await this.#open()) ? ok(this.#level()) : UNKNOWN;
  }

  /** Takes over what the catalog says, if it is newer; opens a product that has no level yet with nothing on hand. */
  async describe(details: ProductDetails, trace: Trace): Promise<void> {
    await this.#open();
    const isFirst = !this.#isOpen;
    const { hasAdvanced } = this.#write(trace, (book, now) => {
      if (isFirst) this.#tables.open(emptyOpening(details, this.#deps.lowStockThreshold), now);
      if (isFirst || this.#tables.describe(details)) book.markChanged();
    });
    this.#isOpen = true;
    if (hasAdvanced) await this.#arm(Date.now() + FLUSH_DELAY_MS);
  }

  /** Checks itself and D1's copy, and mends the copy. `isStale`: D1 shows a hold long past its time. */
  async reconcile({ isStale }: { readonly isStale: boolean }): Promise<Reconciliation> {
    if (!this.#isOpen) return NO_DIFFERENCES;
    const trace = { correlationId: newId("req") };
    this.#write(trace, (book) => book.expire());
    const stock = {
      tables: this.#tables,
      deps: this.#deps,
      flush: () => this.#flush(),
      exclusively: (write: () => Promise<boolean>) => this.#exclusively(write),
      alarm: () => this.ctx.storage.getAlarm(),
      change: (work: () => void) =>
        this.#change(trace, (book) => {
          work();
          book.markChanged();
        }),
    };
    return await reconcile(stock, { isStale });
  }

  override async alarm(): Promise<void> {
    const correlationId = newId("req");
    const invocation = { worker: WORKER, operation: "Stock.alarm", correlationId, level: this.#deps.logLevel };
    await withInvocation(invocation, async () => {
      // Armed before the work: an alarm that dies half-way comes again.
      this.#alarmAt = undefined;
      await this.#arm(Date.now() + Math.min(FLUSH_RETRY_MS * 2 ** this.#failedFlushes, MAX_FLUSH_RETRY_MS));
      if (!this.#isOpen) return;
      try {
        this.#write({ correlationId }, (book) => book.expire());
        await this.#flush();
      } catch (error) {
        this.#failedFlushes += 1;
        log("warn", "flush failed; it is tried again", { productId: this.ctx.id.name, error });
        return;
      }
      this.#failedFlushes = 0;
      this.#purge();
      await this.#rearm();
    });
  }

  #level(): OwnedLevel {
    return render(this.#tables.level(Date.now()));
  }

  /**
   * Opens from D1 on first use; false when D1 does not know the product. Concurrent callers share one read, and one that failed
   * or found nothing is not remembered.
   */
  async #open(): Promise<boolean> {
    if (this.#isOpen) return true;
    this.#opening ??= this.#load().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
    return this.#isOpen;
  }

  async #load(): Promise<void> {
    const { worker, db, logLevel: level, lowStockThreshold } = this.#deps;
    const productId = this.ctx.id.name;
    if (productId === undefined) throw new Error("a stock object is reached by its product's id");
    await withInvocation({ worker, operation: "Stock.open", correlationId: newId("req"), level }, async () => {
      const opening = await readOpening(db, productId, lowStockThreshold);
      if (opening === undefined || this.#isOpen) return;
      this.#tables.transaction(() => {
        this.#tables.open(opening, Date.now());
      });
      this.#isOpen = true;
    });
  }

  #write<T>(
    trace: Trace,
    work: (book: StockBook, now: number) => T,
  ): { readonly result: T; readonly hasAdvanced: boolean } {
    const now = Date.now();
    const book = new StockBook(this.#tables, { now, trace, sharePercent: this.#deps.unprovenSharePercent });
    const result = this.#tables.transaction(() => work(book, now));
    return { result, hasAdvanced: book.hasAdvanced };
  }

  /** Runs a change as one transaction. What it leaves to flush and the alarm that flushes it are one write. */
  async #change<T>(trace: Trace, work: (book: StockBook, now: number) => T): Promise<T> {
    const { result, hasAdvanced } = this.#write(trace, work);
    if (hasAdvanced) await this.#arm(Date.now() + FLUSH_DELAY_MS);
    return result;
  }

  async #flush(): Promise<boolean> {
    return await (this.#flushing ?? this.#exclusively(() => this.#flushOnce()));
  }

  /** One write to D1 at a time: a copy as it was must not land on one as it is. */
  async #exclusively(write: () => Promise<boolean>): Promise<boolean> {
    while (this.#flushing !== undefined) await this.#flushing.catch(() => false);
    this.#flushing = write().finally(() => {
      this.#flushing = undefined;
    });
    return await this.#flushing;
  }

  async #flushOnce(): Promise<boolean> {
    const now = Date.now();
    const level = this.#tables.level(now);
    const after = level.flushedSequence;
    if (level.sequence === after) return false;
    const upTo = Math.min(level.sequence, after + FLUSH_CHANGES);
    const reservations = this.#tables.changedReservations(after, upTo);
    const ledger = this.#tables.records.newLedger(after, upTo);
    const events = this.#tables.pendingEvents(upTo);
    const audit = this.#tables.records.pendingAudit(upTo);
    await save(this.#deps, flushStatements({ level, reservations, ledger, events, audit }, now));
    await this.#change({ correlationId: newId("req") }, (book, later) => {
      this.#tables.markFlushed(upTo, level.taken);
      // A hold that this flush counted may have ended while it was on its way.
      if (this.#tables.level(later).taken < level.taken) book.markChanged();
    });
    return true;
  }

  /** The alarm stands for everything that has a time: here the soonest of it is chosen. One that never came is set anew. */
  async #arm(at: number): Promise<void> {
    if (this.#alarmAt !== undefined && this.#alarmAt <= at && this.#alarmAt > at - LOST_AFTER_MS) return;
    this.#alarmAt = at;
    await this.ctx.storage.setAlarm(at);
  }

  async #rearm(): Promise<void> {
    this.#alarmAt = undefined;
    const at = this.#tables.isPending() ? Date.now() + FLUSH_DELAY_MS : this.#tables.nextExpiry();
    if (at === null) await this.ctx.storage.deleteAlarm();
    else await this.#arm(at);
  }

  #purge(): void {
    const now = Date.now();
    if (this.#tables.level(now).purgedAt > now - PURGE_INTERVAL_MS) return;
    this.#tables.transaction(() => {
      this.#tables.purge(now - RETENTION_MS, now);
    });
  }
}
