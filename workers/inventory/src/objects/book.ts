// One change of one product's stock: reads the facts, lets the domain's rule decide, and writes the decision. It runs in one
// transaction of the object without an await, so no other call sees or changes anything between the reading and the writing.
// A change that D1 is to get advances the level's sequence (`#advance`); a mere hold of an order does not.
import type { AuditRow } from "#shared/audit";
import type { EventData, EventType } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { err, ok } from "#shared/result";
import type { Result } from "#shared/result";
import { WORKER } from "../constants.ts";
import {
  availabilityOf,
  availableOf,
  countsToward,
  decideConsume,
  decideEvents,
  decideEventsOfThreshold,
  decideHold,
  decideRelease,
  decideReserve,
  decideReturn,
  mayAdjust,
  remaining,
} from "../domain/stock.ts";
import type { Decision, Facts, Refused, Wanted } from "../domain/stock.ts";
import type {
  AdjustRefusal,
  Adjustment,
  ForeignProduct,
  Held,
  HoldRequest,
  OrderLine,
  Refusal,
  ReservedLine,
  ReturnedLine,
  ThresholdChange,
  Trace,
} from "./requests.ts";
import type { LedgerRow, ReservationRow } from "./schema.ts";
import type { LevelState, StockTables } from "./tables.ts";

/** The level before a change, and the facts about the owner's reservation. */
interface Snapshot {
  readonly level: LevelState;
  readonly own: ReservationRow | undefined;
  readonly facts: Facts;
}

type NewRow = Pick<ReservationRow, "owner" | "orderId" | "quantity" | "state" | "expiresAt" | "counted"> & {
  readonly attempt?: string | null;
};

/** Whether D1 shows a row. */
interface Projection {
  readonly projected: boolean;
}

interface Effects {
  readonly entry?: Pick<LedgerRow, "type" | "delta" | "reference" | "actor"> | undefined;
  readonly audit?: AuditRow | undefined;
  readonly decide?: typeof decideEvents;
}

interface BookOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly trace: Trace;
  /** The share of buyers without proof, 0 to 100. */
  readonly sharePercent: number;
}

export class StockBook {
  readonly #tables: StockTables;
  readonly #options: BookOptions;
  #hasAdvanced = false;

  /** A book serves one change. */
  constructor(tables: StockTables, options: BookOptions) {
    this.#tables = tables;
    this.#options = options;
  }

  /** Whether the change left something for D1. */
  get hasAdvanced(): boolean {
    return this.#hasAdvanced;
  }

  hold(request: HoldRequest): Result<Held, Refusal> {
    const { owner, quantity, attempt } = request;
    const { own, level, facts } = this.#read(owner);
    const wanted = this.#wanted(request);
    const decision = decideHold(facts, wanted);
    if (!decision.ok) return this.#refuse(decision.error, owner);
    const newlyHeld = decision.value === "take";
    const isDone = !newlyHeld && own?.state === "reserved";
    if (isDone || request.isCheck === true) return ok({ newlyHeld, expiresAt: request.expiresAt });
    const expiresAt = newlyHeld ? request.expiresAt : Math.max(own?.expiresAt ?? 0, request.expiresAt);
    const projected = request.projected || isProjected(own);
    const counted = countsToward(facts, wanted);
    this.#put(level, { owner, quantity, attempt, orderId: null, state: "held", expiresAt, counted }, { projected });
    if (projected) this.#advance(level);
    return ok({ newlyHeld, expiresAt });
  }

  /** Ends a hold so that its owner may try again. Only the last attempt that made or found the hold may do so. */
  undo(owner: string, attempt: string): void {
    const { own, level } = this.#read(owner);
    if (own?.state === "held" && own.attempt === attempt) this.#end(level, { ...own, state: "expired" }, own);
  }

  reserve(line: ReservedLine): Result<null, Refusal> {
    const { level, facts } = this.#read(line.owner);
    const quantity = remaining(line.quantity, this.#tables.records.returnedBefore(line.owner));
    // The quantity was within the share when it was held, so the share is not less than that now.
    const wanted = this.#wanted({ ...line, quantity, minimum: quantity });
    return this.#takeIf(decideReserve(facts, wanted), line.owner, () => {
      const counted = countsToward(facts, wanted);
      this.#put(level, { ...line, quantity, state: "reserved", expiresAt: null, counted }, { projected: true });
      this.#advance(level);
    });
  }

  /** The order's money is authorized: what it has, or will have, no longer counts toward the share. */
  stopCounting(owner: string): void {
    const { own, level } = this.#read(owner);
    if (own === undefined) {
      // ORDER_CONFIRMED came first. The reservation will find this row.
      const row = { owner, orderId: null, quantity: 0, state: "expired", expiresAt: null, counted: false } as const;
      this.#put(level, row, { projected: false });
      return;
    }
    if (!own.counted || own.state === "consumed" || own.state === "released") return;
    this.#put(level, { ...own, counted: false }, { projected: isProjected(own) });
    if (isProjected(own)) this.#advance(level);
  }

  consume(line: OrderLine): Result<null, Refusal> {
    const { owner, orderId } = line;
    const { own, level, facts } = this.#read(owner);
    // Each return has made the reservation smaller already, whether or not the event counts returned goods.
    const ordered = remaining(line.quantity, this.#tables.records.returnedBefore(owner));
    const quantity = own?.state === "reserved" ? own.quantity : ordered;
    return this.#takeIf(decideConsume(facts, quantity), owner, () => {
      const counted = own?.counted ?? false;
      this.#put(level, { ...line, quantity, state: "consumed", expiresAt: null, counted }, { projected: true });
      const sale = { type: "sale", delta: -quantity, reference: orderId, actor: "system" } as const;
      this.#advance(level, quantity === 0 ? {} : { entry: sale });
    });
  }

  /** Goods of a refunded order come back, once for each `returnId`. */
  takeBack({ owner, orderId, quantity, returnId, shipped }: ReturnedLine): void {
    const { own, level, facts } = this.#read(owner);
    const decision = decideReturn(facts, { shipped });
    const shelved = decision === "shelve";
    const isNew = this.#tables.records.recordReturn({
      id: returnId,
      owner,
      quantity,
      shelved,
      createdAt: this.#options.now,
    });
    if (!isNew) return;
    if (shelved) {
      this.#advance(level, { entry: { type: "return", delta: quantity, reference: orderId, actor: "system" } });
    } else if (decision === "shrink" && own !== undefined) {
      this.#put(level, { ...own, quantity: remaining(own.quantity, quantity) }, { projected: true });
      this.#advance(level);
    }
  }

  /** Gives back what the owner has and shuts it out. Returns how many units came back. */
  release(owner: string): number {
    const { own, level, facts } = this.#read(owner);
    const decision = decideRelease(facts);
    if (decision === "already") return 0;
    const { orderId = null, quantity = 0, counted = false } = own ?? {};
    this.#end(level, { owner, orderId, quantity, state: "released", expiresAt: null, counted }, own);
    return decision === "free" ? quantity : 0;
  }

  /** `replayed`: done before under the same key. A stock take that finds what is on hand writes no ledger entry. */
  adjust(adjustment: Adjustment): Result<{ readonly replayed: boolean }, AdjustRefusal> {
    const { actor, vendorId, key, audit } = adjustment;
    const { level } = this.#read();
    const { records } = this.#tables;
    const { onHand, taken } = level;
    if (vendorId !== undefined && vendorId !== level.vendorId) return err({ reason: "foreign_product" });
    const known = key && records.adjustmentFingerprint(actor, key.key);
    if (known !== undefined) return known === key?.fingerprint ? ok({ replayed: true }) : err({ reason: "key_reused" });
    const isCount = "counted" in adjustment;
    const delta = isCount ? adjustment.counted - onHand : adjustment.delta;
    if (!mayAdjust(level, delta)) return err({ reason: "held", available: availableOf(level), taken });
    const type = isCount ? "correction" : adjustment.reason;
    const details = isCount ? { onHandBefore: onHand } : {};
    this.#advance(level, {
      entry: delta === 0 ? undefined : { type, delta, reference: null, actor },
      audit: audit && { ...audit, details: { ...audit.details, ...details } },
    });
    if (key !== undefined)
      records.rememberAdjustment({ actor, key: key.key, fingerprint: key.fingerprint, createdAt: this.#options.now });
    return ok({ replayed: false });
  }

  /** Sets the product's own threshold. The same one again changes nothing and is not audited. */
  setThreshold({ threshold, vendorId, audit }: ThresholdChange): Result<null, ForeignProduct> {
    const { level } = this.#read();
    if (vendorId !== undefined && vendorId !== level.vendorId) return err({ reason: "foreign_product" });
    if (level.ownThreshold === threshold) return ok(null);
    this.#tables.setOwnThreshold(threshold);
    this.#advance({ ...level, threshold }, { audit, decide: decideEventsOfThreshold });
    return ok(null);
  }

  /** Has the next flush write the level as its row is now. */
  markChanged(): void {
    this.#advance(this.#tables.level(this.#options.now));
  }

  /** Marks expired holds, so that `taken` is exact. */
  expire(): LevelState {
    const { now } = this.#options;
    const level = this.#tables.level(now);
    if (level.expired === 0) return level;
    const projected = this.#tables.expire(now, level.sequence + 1);
    this.#advanceIfVisible(level, { projected });
    return this.#tables.level(now);
  }

  #read(owner?: string): Snapshot {
    const level = this.expire();
    const own = owner === undefined ? undefined : this.#tables.reservation(owner);
    const { onHand, taken, takenCounted } = level;
    return { level, own, facts: { onHand, taken, takenCounted, own, now: this.#options.now } };
  }

  #wanted({ quantity, counted = false, minimum = 1 }: Pick<HoldRequest, "quantity" | "counted" | "minimum">): Wanted {
    return { quantity, counted, minimum, sharePercent: this.#options.sharePercent };
  }

  /** Runs `take` where the decision says so. */
  #takeIf(decision: Decision, owner: string, take: () => void): Result<null, Refusal> {
    if (!decision.ok) return this.#refuse(decision.error, owner);
    if (decision.value === "take") take();
    return ok(null);
  }

  #refuse(refused: Refused, owner: string): Result<never, Refusal> {
    const { reason } = refused;
    const heldByOthers =
      reason !== "closed" &&
      this.#tables.isHeldByOthers(owner, this.#options.now, { onlyCounted: reason === "limited" });
    return err({ ...refused, heldByOthers });
  }

  #put(level: LevelState, row: NewRow, { projected }: Projection): void {
    const { owner, orderId, quantity, state, expiresAt, counted, attempt = null } = row;
    const sequence = projected ? level.sequence + 1 : 0;
    const updatedAt = this.#options.now;
    this.#tables.put({ owner, orderId, quantity, state, expiresAt, attempt, updatedAt, sequence, counted });
  }

  /**
   * Writes the row of a hold or reservation that takes nothing any more, in place of `own`. Advances if D1 or the catalog can
   * see that: D1 has the row, or counted the hold in an earlier flush, or the published availability is no longer right.
   */
  #end(before: LevelState, row: NewRow, own: ReservationRow | undefined): void {
    const projected = isProjected(own);
    this.#put(before, row, { projected });
    this.#advanceIfVisible(before, { projected });
  }

  #advanceIfVisible(before: LevelState, { projected }: Projection): void {
    const { onHand, taken } = this.#tables.level(this.#options.now);
    const availability = availabilityOf(onHand - taken, before.threshold);
    if (projected || taken < before.projectedTaken || availability !== before.availability) this.#advance(before);
  }

  /** Counts a change for D1, with its ledger entry, audit row and events. `before` is the level before it. */
  #advance(before: LevelState, { entry, audit, decide = decideEvents }: Effects = {}): void {
    this.#hasAdvanced = true;
    const delta = entry?.delta ?? 0;
    const after = this.#tables.advance(before.sequence + 1, delta);
    const { records } = this.#tables;
    const { onHand: onHandAfter, sequence } = after;
    if (entry) records.addLedger({ ...entry, id: newId("txn"), onHandAfter, createdAt: this.#options.now, sequence });
    if (audit) records.addAudit(audit, sequence);
    const { productId, sku, name, threshold } = before;
    const available = availableOf(after);
    const next = decide(before, { available, threshold, restocked: delta > 0 });
    if (next.armed === before.armed && next.availability === before.availability) return;
    this.#tables.setPublished(next);
    if (next.stockLow) this.#publish("STOCK_LOW", { productId, sku, name, available, threshold }, sequence);
    if (next.availabilityChanged) {
      const { availability } = next;
      this.#publish("STOCK_AVAILABILITY_CHANGED", { productId, availability, available, sequence }, sequence);
    }
  }

  #publish<T extends EventType>(type: T, data: EventData<T> & { readonly productId: string }, sequence: number): void {
    const { now, trace } = this.#options;
    const event = makeEvent(type, data.productId, data, { worker: WORKER, now, ...trace });
    this.#tables.records.addEvent({ id: event.id, envelope: JSON.stringify(event), sequence });
  }
}

function isProjected(row: ReservationRow | undefined): boolean {
  return (row?.sequence ?? 0) > 0;
}
