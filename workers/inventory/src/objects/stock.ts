// The stock of one product, in a Durable Object named by the product's id. It is the only place that decides what is on hand,
// held, reserved and sold; D1 has copies.
//
// Two buyers cannot get the same last unit: all calls for a product reach this one object, and each change reads, decides
// (domain/stock.ts) and writes in one transaction without an await (book.ts), so changes run one after the other.
// A crash loses nothing: an answer leaves the object only when the write is on disk, with the alarm that carries
// it to D1 where D1 is to know of it.
import { DurableObject } from "cloudflare:workers";
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { newId } from "#shared/ids";
import { withInvocation } from "#shared/logger";
import { err, ok } from "#shared/result";
import type { Result } from "#shared/result";
import { WORKER } from "../constants.ts";
import { availabilityOf } from "../domain/stock.ts";
import { StockBook } from "./book.ts";
import { Flusher } from "./flusher.ts";
import { emptyOpening, readOpening } from "./projection.ts";
import { NO_DIFFERENCES, reconcile } from "./reconciliation.ts";
import type { Reconciliation } from "./reconciliation.ts";
import type {
  AdjustRefusal,
  Adjustment,
  ForeignProduct,
  Held,
  HoldRequest,
  OrderLine,
  OwnedLevel,
  ProductDetails,
  ReservedLine,
  ReturnedLine,
  StockFailure,
  ThresholdChange,
  Trace,
  UnknownProduct,
} from "./requests.ts";
import { StockTables } from "./tables.ts";

/** What a Stock object works with. */
export interface StockDeps extends Deps {
  /** The shop's default threshold, where a product has none of its own. */
  readonly lowStockThreshold: number;
  /** The share of a product that buyers without proof may hold together, 0 to 100. */
  readonly unprovenSharePercent: number;
}

/** A whole percentage. Any other setting stops the Worker: guessing would refuse buyers, or let them hold everything. */
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

const UNKNOWN = err({ reason: "unknown_product" } as const);

export class Stock extends DurableObject<InventoryEnv> {
  readonly #deps: StockDeps;
  readonly #tables: StockTables;
  readonly #flusher: Flusher;
  #isOpen: boolean;
  #opening: Promise<void> | undefined;

  constructor(ctx: DurableObjectState, env: InventoryEnv) {
    super(ctx, env);
    this.#deps = stockDeps(env, ctx);
    this.#tables = new StockTables(ctx.storage);
    this.#flusher = new Flusher({
      storage: ctx.storage,
      tables: this.#tables,
      deps: this.#deps,
      write: (trace, work) => this.#write(trace, work),
    });
    this.#isOpen = this.#tables.isOpen();
    if (!this.#isOpen) return;
    this.#tables.upgrade();
    this.#tables.setDefaultThreshold(this.#deps.lowStockThreshold);
  }

  /** Holds a quantity for an owner. Idempotent; an owner that was released or served is refused as `closed`. */
  async hold(request: HoldRequest, trace: Trace): Promise<Result<Held, StockFailure>> {
    return await this.#changeKnown(trace, (book) => book.hold(request));
  }

  /** Ends the hold of an attempt that failed at another product. The owner may try again. */
  async undo(owner: string, attempt: string, trace: Trace): Promise<void> {
    await this.#changeKnown(trace, (book) => {
      book.undo(owner, attempt);
      return ok(null);
    });
  }

  /** The order exists: reserves for it what it held, until it is shipped or cancelled. Idempotent. */
  async reserve(line: ReservedLine, trace: Trace): Promise<Result<null, StockFailure>> {
    return await this.#changeKnown(trace, (book) => book.reserve(line));
  }

  /** The order's money is authorized: it no longer counts toward the share of buyers without proof. Idempotent. */
  async stopCounting(owner: string, trace: Trace): Promise<Result<null, UnknownProduct>> {
    return await this.#changeKnown(trace, (book) => {
      book.stopCounting(owner);
      return ok(null);
    });
  }

  /**
   * The goods have left: lowers on-hand and writes a sale, once. Without a live reservation they are taken from what is
   * available; `short` when that is too little.
   */
  async consume(line: OrderLine, trace: Trace): Promise<Result<null, StockFailure>> {
    return await this.#changeKnown(trace, (book) => book.consume(line));
  }

  /**
   * Gives back what the owner has and shuts it out for RETENTION_MS, even an unknown owner: its hold may still arrive.
   * Returns the quantity that came back. Idempotent.
   */
  async release(owner: string, trace: Trace): Promise<number> {
    const released = await this.#changeKnown(trace, (book) => ok(book.release(owner)));
    return released.ok ? released.value : 0;
  }

  /** Takes goods of a refunded order back. Idempotent by `returnId`. */
  async takeBack(line: ReturnedLine, trace: Trace): Promise<Result<null, UnknownProduct>> {
    return await this.#changeKnown(trace, (book) => {
      book.takeBack(line);
      return ok(null);
    });
  }

  /** Gives the product a low-stock threshold of its own. */
  async setThreshold(
    change: ThresholdChange,
    trace: Trace,
  ): Promise<Result<OwnedLevel, ForeignProduct | UnknownProduct>> {
    return await this.#changeKnown(trace, (book) => {
      const done = book.setThreshold(change);
      return done.ok ? ok(this.#level()) : done;
    });
  }

  /** Moves on-hand and writes the ledger. Idempotent by `key`, which is remembered for RETENTION_MS. */
  async adjust(
    adjustment: Adjustment,
    trace: Trace,
  ): Promise<Result<{ readonly level: OwnedLevel; readonly replayed: boolean }, AdjustRefusal | UnknownProduct>> {
    return await this.#changeKnown(trace, (book) => {
      const done = book.adjust(adjustment);
      return done.ok ? ok({ level: this.#level(), replayed: done.value.replayed }) : done;
    });
  }

  /** Whether an adjustment under this Idempotency-Key was made here. */
  async remembersAdjustment(actor: string, key: string): Promise<boolean> {
    return (await this.#open()) && this.#tables.records.adjustmentFingerprint(actor, key) !== undefined;
  }

  async level(): Promise<Result<OwnedLevel, UnknownProduct>> {
    return (await this.#open()) ? ok(this.#level()) : UNKNOWN;
  }

  /** Takes over the catalog's details if they are newer. A product without a level opens with nothing on hand. */
  async describe(details: ProductDetails, trace: Trace): Promise<void> {
    await this.#open();
    const isFirst = !this.#isOpen;
    const { hasAdvanced } = this.#write(trace, (book, now) => {
      if (isFirst) this.#tables.open(emptyOpening(details, this.#deps.lowStockThreshold), now);
      if (isFirst || this.#tables.describe(details)) book.markChanged();
    });
    this.#isOpen = true;
    if (hasAdvanced) await this.#flusher.armSoon();
  }

  /** Checks the object's own sums, compares D1's copy, and repairs the copy. `isStale`: D1 shows a hold long past its time. */
  async reconcile({ isStale }: { readonly isStale: boolean }): Promise<Reconciliation> {
    if (!this.#isOpen) return NO_DIFFERENCES;
    this.#write({ correlationId: newId("req") }, (book) => book.expire());
    return await reconcile({ tables: this.#tables, deps: this.#deps, flusher: this.#flusher }, { isStale });
  }

  override async alarm(): Promise<void> {
    if (!this.#isOpen) return;
    const correlationId = newId("req");
    const invocation = { worker: WORKER, operation: "Stock.alarm", correlationId, level: this.#deps.logLevel };
    await withInvocation(invocation, () => this.#flusher.alarm({ correlationId }));
  }

  #level(): OwnedLevel {
    const { productId, onHand, taken, expired, threshold, vendorId } = this.#tables.level(Date.now());
    const reserved = taken - expired;
    const available = onHand - reserved;
    const status = availabilityOf(available, threshold);
    return { productId, available, status, onHand, reserved, lowStockThreshold: threshold, vendorId };
  }

  /** Opens from D1 on first use; false when D1 does not know the product. Concurrent callers share one read, which is not remembered. */
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

  /** Changes a product that D1 knows. */
  async #changeKnown<T, F>(
    trace: Trace,
    work: (book: StockBook) => Result<T, F>,
  ): Promise<Result<T, F | UnknownProduct>> {
    return (await this.#open()) ? await this.#change(trace, work) : UNKNOWN;
  }

  /**
   * Runs a change. Its rows and the alarm that flushes them, if D1 is to know of them, are one atomic write, because nothing is awaited
   * between them.
   */
  async #change<T>(trace: Trace, work: (book: StockBook, now: number) => T): Promise<T> {
    const { result, hasAdvanced } = this.#write(trace, work);
    if (hasAdvanced) await this.#flusher.armSoon();
    return result;
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
}
