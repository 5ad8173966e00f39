// The book of one product: reads the facts, lets the domain decide, and writes the outcome. All synchronous, and each method is
// to run inside one transaction of the object. A change that is to be seen outside counts the sequence up (`#advance`).
import type { EventData, EventType } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import type { Cause } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { err, ok } from "#shared/result";
import type { Result } from "#shared/result";
import { WORKER } from "../constants.ts";
import type { AuditRow } from "#shared/audit";
import { allowedOf } from "../domain/share.ts";
import {
  decideEvents,
  decideEventsOfThreshold,
  availabilityOf,
  decideConsume,
  decideHold,
  decideRelease,
  decideReserve,
  decideReturn,
  effectiveState,
  mayAdjust,
  remaining,
} from "../domain/stock.ts";
import type { EventDecision, Decision, Facts } from "../domain/stock.ts";
import type { LedgerRow } from "./records.ts";
import type { LevelState, ReservationRow, StockTables } from "./tables.ts";

/** What a change continues, for the events it may cause. */
export type Trace = Pick<Cause, "correlationId" | "causationId" | "traceparent">;

export interface HoldRequest {
  readonly owner: string;
  readonly quantity: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Names the attempt: only the last one to touch a hold may undo it. */
  readonly attempt: string;
  /** Whether the projection shows the hold. Holds of orders are over too soon to be shown. */
  readonly projected: boolean;
  /** Whether it counts toward the share that buyers without proof may hold together. */
  readonly counted?: boolean | undefined;
  /** The product's minimum order quantity, else 1: that share is never less. */
  readonly minimum?: number | undefined;
}

export interface Held {
  readonly newlyHeld: boolean;
  readonly expiresAt: number;
}

export interface OrderLine {
  readonly owner: string;
  readonly orderId: string;
  readonly quantity: number;
}

export interface ReservedLine extends OrderLine {
  /** As in HoldRequest; of an order whose hold counts no longer it says nothing. */
  readonly counted?: boolean;
}

/** By how much on-hand changes and why, or what a stock take found it to be. */
export type StockChange =
  | { readonly delta: number; readonly reason: Exclude<LedgerRow["type"], "sale"> }
  | { readonly counted: number };

export type Adjustment = StockChange & {
  readonly actor: string;
  /** Set for a vendor, who may only adjust own products. */
  readonly vendorId?: string | undefined;
  readonly key?: { readonly key: string; readonly fingerprint: string } | undefined;
  /** Written to D1 with the change; absent where no person acts. */
  readonly audit?: AuditRow | undefined;
};

export interface ReturnedLine extends OrderLine {
  /** Names one return of the order. */
  readonly returnId: string;
  /** Whether orders says that the order had been shipped. */
  readonly shipped: boolean;
}

export interface ThresholdChange {
  readonly threshold: number;
  /** Set for a vendor, who may only change own products. */
  readonly vendorId?: string | undefined;
  readonly audit: AuditRow;
}

/**
 * `heldByOthers`: some of what is missing is only held and may come back at once. `limited`: the goods are there, but buyers without
 * proof hold their share of them; `available` is what of it is left for one.
 */
export type Refusal =
  | { readonly reason: "short" | "limited"; readonly available: number; readonly heldByOthers: boolean }
  | { readonly reason: "closed"; readonly available: number };

export type Foreign = { readonly reason: "foreign_product" };
/** `held`: less would be on hand than the `taken` that are held and reserved. */
export type AdjustRefusal =
  | { readonly reason: "held"; readonly available: number; readonly taken: number }
  | { readonly reason: "key_reused" }
  | Foreign;

interface Snapshot {
  readonly level: LevelState;
  readonly own: ReservationRow | undefined;
  readonly facts: Facts;
}

type NewRow = Pick<ReservationRow, "owner" | "orderId" | "quantity" | "state" | "expiresAt" | "counted"> & {
  readonly attempt?: string | null;
};

type LedgerEntry = Pick<LedgerRow, "type" | "delta" | "reference" | "actor">;

interface BookOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly trace: Trace;
  /** The share of buyers without proof, 0 to 100. */
  readonly sharePercent: number;
}

export class StockBook {
  readonly #tables: StockTables;
  readonly #now: number;
  readonly #trace: Trace;
  readonly #sharePercent: number;
  #hasAdvanced = false;

  /** One book is opened for one change. */
  constructor(tables: StockTables, { now, trace, sharePercent }: BookOptions) {
    this.#tables = tables;
    this.#now = now;
    this.#trace = trace;
    this.#sharePercent = sharePercent;
  }

  /** Whether this change left something for D1. */
  get hasAdvanced(): boolean {
    return this.#hasAdvanced;
  }

  hold(request: HoldRequest): Result<Held, Refusal> {
    const { owner, quantity, attempt } = request;
    const snapshot = this.#read(owner);
    const { own, level } = snapshot;
    const decided = this.#decideHold(snapshot, request);
    if (!decided.ok) return decided;
    const { isNew } = decided.value;
    if (!isNew && own?.state === "reserved") return ok({ newlyHeld: false, expiresAt: request.expiresAt });
    const expiresAt = isNew ? request.expiresAt : Math.max(own?.expiresAt ?? 0, request.expiresAt);
    const projected = request.projected || isProjected(own);
    const counted = isCounted(own, request.counted);
    this.#put(level, { owner, quantity, attempt, orderId: null, state: "held", expiresAt, counted }, projected);
    if (projected) this.#advance(level);
    return ok({ newlyHeld: isNew, expiresAt });
  }

  /** Whether `hold` would be refused, and why. */
  refusalOf(request: HoldRequest): Result<null, Refusal> {
    const decided = this.#decideHold(this.#read(request.owner), request);
    return decided.ok ? ok(null) : decided;
  }

  /** Leaves no tombstone, the owner may try again. A hold that a later attempt has found is that attempt's to keep. */
  undo(owner: string, attempt: string): void {
    const { own, level } = this.#read(owner);
    if (own?.state !== "held" || own.attempt !== attempt) return;
    this.#put(level, { ...own, state: "expired" }, isProjected(own));
    this.#markFreed(level, own.quantity, isProjected(own));
  }

  reserve(line: ReservedLine): Result<null, Refusal> {
    const snapshot = this.#read(line.owner);
    const { own, level, facts } = snapshot;
    const quantity = remaining(line.quantity, this.#tables.records.returnedBefore(line.owner));
    const decision = decideReserve(facts, quantity);
    if (decision.kind === "already") return ok(null);
    if (decision.kind !== "take") return this.#refuse(decision, line.owner, facts);
    const counted = isCounted(own, line.counted);
    // What it asks for was within the share when it was held, so that much is the share's least now.
    const limited = counted ? this.#limit(snapshot, quantity, quantity) : undefined;
    if (limited !== undefined) return err(limited);
    this.#put(level, { ...line, quantity, state: "reserved", expiresAt: null, counted }, true);
    this.#advance(level);
    return ok(null);
  }

  /** The order's money is authorized: what it has, or will have, counts toward the share no longer. */
  stopCounting(owner: string): void {
    const { own, level } = this.#read(owner);
    if (own === undefined) {
      // Its reservation is yet to come, and is to find this.
      this.#put(level, { owner, orderId: null, quantity: 0, state: "expired", expiresAt: null, counted: false }, false);
      return;
    }
    if (!own.counted || own.state === "consumed" || own.state === "released") return;
    this.#put(level, { ...own, counted: false }, isProjected(own));
    if (isProjected(own)) this.#advance(level);
  }

  consume(line: OrderLine): Result<null, Refusal> {
    const { own, level, facts } = this.#read(line.owner);
    const ordered = remaining(line.quantity, this.#tables.records.returnedBefore(line.owner));
    // A reservation has shrunk with each return; whether the event counts returned goods does not matter then.
    const quantity = own?.state === "reserved" ? own.quantity : ordered;
    const decision = decideConsume(facts, quantity);
    if (decision.kind === "already") return ok(null);
    if (decision.kind !== "take") return this.#refuse(decision, line.owner, facts);
    const counted = own?.counted ?? false;
    this.#put(level, { ...line, quantity, state: "consumed", expiresAt: null, counted }, true);
    if (quantity === 0) this.#advance(level);
    else this.#advance(level, { type: "sale", delta: -quantity, reference: line.orderId, actor: "system" });
    return ok(null);
  }

  /** Goods of a refunded order come back, once for each `returnId`. */
  takeBack({ owner, orderId, quantity, returnId, shipped }: ReturnedLine): void {
    const { own, level, facts } = this.#read(owner);
    const decision = decideReturn(facts, shipped);
    const row = { id: returnId, owner, quantity, shelved: decision === "shelve", createdAt: this.#now };
    if (!this.#tables.records.recordReturn(row)) return;
    if (decision === "shelve") {
      this.#advance(level, { type: "return", delta: quantity, reference: orderId, actor: "system" });
    } else if (decision === "shrink" && own !== undefined) {
      this.#put(level, { ...own, quantity: remaining(own.quantity, quantity) }, true);
      this.#advance(level);
    }
  }

  /** How much came back. */
  release(owner: string): number {
    const { own, level, facts } = this.#read(owner);
    const decision = decideRelease(facts);
    if (decision.kind === "already") return 0;
    const released = decision.kind === "take" ? (own?.quantity ?? 0) : 0;
    const { orderId = null, quantity = 0, counted = false } = own ?? {};
    this.#put(level, { owner, orderId, quantity, state: "released", expiresAt: null, counted }, isProjected(own));
    this.#markFreed(level, released, isProjected(own));
    return released;
  }

  /** Whether it was done now, or before under the same key. A stock take that finds what the books say is no entry of the ledger. */
  adjust(adjustment: Adjustment): Result<{ readonly replayed: boolean }, AdjustRefusal> {
    const { actor, vendorId, key, audit } = adjustment;
    const { level, facts } = this.#read("");
    const { onHand, taken } = level;
    if (vendorId !== undefined && vendorId !== level.vendorId) return err({ reason: "foreign_product" });
    const known = key === undefined ? undefined : this.#tables.adjustmentFingerprint(actor, key.key);
    if (known !== undefined) return known === key?.fingerprint ? ok({ replayed: true }) : err({ reason: "key_reused" });
    const { available } = facts;
    const change =
      "counted" in adjustment ? { delta: adjustment.counted - onHand, reason: "correction" as const } : adjustment;
    const { delta, reason } = change;
    if (!mayAdjust(available, delta)) return err({ reason: "held", available, taken });
    this.#advance(level, delta === 0 ? undefined : { type: reason, delta, reference: null, actor });
    if (audit !== undefined) {
      const found = "counted" in adjustment ? { onHandBefore: onHand } : {};
      this.#tables.records.addAudit({ ...audit, details: { ...audit.details, ...found } }, level.sequence + 1);
    }
    if (key !== undefined) this.#tables.rememberAdjustment(actor, key.key, key.fingerprint, this.#now);
    return ok({ replayed: false });
  }

  /** The product's own threshold. The same again changes nothing and is not audited. */
  setThreshold({ threshold, vendorId, audit }: ThresholdChange): Result<null, Foreign> {
    const { level, facts } = this.#read("");
    if (vendorId !== undefined && vendorId !== level.vendorId) return err({ reason: "foreign_product" });
    if (level.ownThreshold === threshold) return ok(null);
    this.#tables.setThreshold(threshold);
    this.#hasAdvanced = true;
    const { sequence } = this.#tables.advance(0);
    this.#tables.records.addAudit(audit, sequence);
    const told = decideEventsOfThreshold(level, facts.available, threshold);
    this.#publish({ ...level, threshold }, told, facts.available, sequence);
    return ok(null);
  }

  /** Tells of a change that is in the level's row already. */
  markChanged(): void {
    this.#advance(this.#tables.level(this.#now));
  }

  /** Marks holds past their time, so that the database's own count is right, and tells when the projection had counted them. */
  expire(): LevelState {
    const level = this.#tables.level(this.#now);
    if (level.expired === 0) return level;
    const wasProjected = this.#tables.expire(this.#now, level.sequence + 1);
    this.#markFreed(level, level.expired, wasProjected);
    return this.#tables.level(this.#now);
  }

  #read(owner: string): Snapshot {
    const level = this.expire();
    const own = owner === "" ? undefined : this.#tables.reservation(owner);
    return { level, own, facts: { available: level.onHand - level.taken, own, now: this.#now } };
  }

  #decideHold(
    snapshot: Snapshot,
    { owner, quantity, counted, minimum = 1 }: HoldRequest,
  ): Result<{ readonly isNew: boolean }, Refusal> {
    const { own, facts } = snapshot;
    const decision = decideHold(facts, quantity);
    if (decision.kind === "short" || decision.kind === "closed") return this.#refuse(decision, owner, facts);
    const isNew = decision.kind === "take";
    const limited = isNew && isCounted(own, counted) ? this.#limit(snapshot, quantity, minimum) : undefined;
    return limited === undefined ? ok({ isNew }) : err(limited);
  }

  /** Why this much of the product may not count toward the share, if it may not. What counts already may stay. */
  #limit({ level, own, facts }: Snapshot, quantity: number, minimum: number): Refusal | undefined {
    const state = effectiveState(facts);
    const isLive = own !== undefined && (state === "held" || state === "reserved");
    if (isLive && own.counted && quantity <= own.quantity) return undefined;
    const { onHand, taken, takenCounted } = level;
    const mine = isLive ? own.quantity : 0;
    const others = { onHand, taken: taken - mine, takenCounted: takenCounted - (isLive && own.counted ? mine : 0) };
    const allowed = allowedOf(others, { percent: this.#sharePercent, minimum });
    if (quantity <= allowed) return undefined;
    const heldByOthers = this.#tables.isHeldByOthers(own?.owner ?? "", this.#now, { onlyCounted: true });
    return { reason: "limited", available: allowed, heldByOthers };
  }

  #refuse(
    decision: Exclude<Decision, { kind: "take" | "already" }>,
    owner: string,
    facts: Facts,
  ): Result<never, Refusal> {
    if (decision.kind === "closed") return err({ reason: "closed", available: facts.available });
    const heldByOthers = this.#tables.isHeldByOthers(owner, this.#now, { onlyCounted: false });
    return err({ reason: "short", available: decision.available, heldByOthers });
  }

  #put(level: LevelState, row: NewRow, projected: boolean): void {
    const sequence = projected ? level.sequence + 1 : 0;
    const { owner, orderId, quantity, state, expiresAt, counted, attempt = null } = row;
    this.#tables.put({ owner, orderId, quantity, state, expiresAt, attempt, updatedAt: this.#now, sequence, counted });
  }

  /**
   * `before` is the level before `quantity` came back. The end of a hold that nobody had been shown is no change, unless the hold was
   * counted when something else was told that is to be flushed yet.
   */
  #markFreed(before: LevelState, quantity: number, projected: boolean): void {
    const taken = before.taken - quantity;
    const isNews = availabilityOf(before.onHand - taken, before.threshold) !== before.availability;
    if (projected || taken < before.projectedTaken || isNews) this.#advance(before);
  }

  /** Counts a change up, writes its ledger entry and whatever has to be told. `before` is the level before the change. */
  #advance(before: LevelState, entry?: LedgerEntry): void {
    this.#hasAdvanced = true;
    const { onHand, taken, sequence } = this.#tables.advance(entry?.delta ?? 0);
    if (entry !== undefined) {
      this.#tables.records.addLedger({
        ...entry,
        id: newId("txn"),
        onHandAfter: onHand,
        createdAt: this.#now,
        sequence,
      });
    }
    const available = onHand - taken;
    this.#publish(
      before,
      decideEvents(before, available, before.threshold, (entry?.delta ?? 0) > 0),
      available,
      sequence,
    );
  }

  #publish(before: LevelState, told: EventDecision, available: number, sequence: number): void {
    if (told.armed === before.armed && told.availability === before.availability) return;
    this.#tables.setPublished(told.armed, told.availability);
    const { productId, sku, name, threshold } = before;
    if (told.stockLow) this.#emit("STOCK_LOW", { productId, sku, name, available, threshold }, before, sequence);
    if (told.availabilityChanged) {
      const data = { productId, availability: told.availability, available, sequence };
      this.#emit("STOCK_AVAILABILITY_CHANGED", data, before, sequence);
    }
  }

  #emit<T extends EventType>(type: T, data: EventData<T>, { productId }: LevelState, sequence: number): void {
    const event = makeEvent(type, productId, data, { worker: WORKER, now: this.#now, ...this.#trace });
    this.#tables.addEvent({ id: event.id, envelope: JSON.stringify(event) }, sequence);
  }
}

function isProjected(row: ReservationRow | undefined): boolean {
  return (row?.sequence ?? 0) > 0;
}

/** What counts no longer, whether its buyer gave proof or its money was authorized, does not count again. */
function isCounted(own: ReservationRow | undefined, asked = false): boolean {
  return asked && (own?.counted ?? true);
}
