// The rules of one product's stock: what a hold, a reservation, a sale, a release, a return and an adjustment may do.
// Pure functions: the facts go in, a decision comes out. objects/book.ts reads the facts and writes the decision.
//
// A reservation moves one way only: held -> reserved -> released -> consumed. An order's events therefore end in the same
// state in whatever order they arrive. An expired hold may be taken again. A released one may not, but shipping still
// consumes it: those goods have left the warehouse.
import type { Availability, StockLine } from "#shared/events/catalogue";
import { err, ok } from "#shared/result";
import type { Result } from "#shared/result";
import { allowedOf } from "./share.ts";
import type { CountedStock } from "./share.ts";

export type ReservationState = "held" | "expired" | "reserved" | "consumed" | "released";

/** An owner's reservation of one product. `expiresAt` (ms) is set while it is held. */
export interface Reservation {
  readonly quantity: number;
  readonly state: ReservationState;
  readonly expiresAt: number | null;
  /** Whether it counts toward the share of buyers without proof while it is held or reserved. Once false, it stays false. */
  readonly counted: boolean;
}

/** What a decision depends on. `taken` leaves out expired holds; `own` is the reservation of the owner that calls. */
export interface Facts extends CountedStock {
  readonly own: Reservation | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What an owner wants of a product. */
export interface Wanted {
  readonly quantity: number;
  /** Whether it is to count toward the share of buyers without proof. */
  readonly counted: boolean;
  /** The least that the share may be: the product's minimum order quantity. */
  readonly minimum: number;
  /** The share, 0 to 100. */
  readonly sharePercent: number;
}

/**
 * `short`: too little stock. `limited`: enough stock, but buyers without proof have used up their share. `closed`: the owner was
 * released or served before, or holds another quantity. `available` is what the owner could have.
 */
export interface Refused {
  readonly reason: "short" | "limited" | "closed";
  readonly available: number;
}

/** `take`: write it. `already`: nothing to do, an earlier call did it. */
export type Decision = Result<"take" | "already", Refused>;

const TAKE: Decision = ok("take");
const ALREADY: Decision = ok("already");

export function availableOf({ onHand, taken }: Pick<Facts, "onHand" | "taken">): number {
  return onHand - taken;
}

/** A hold past its time is expired, whether or not its row says so yet. */
export function effectiveState({ own, now }: Pick<Facts, "own" | "now">): ReservationState | undefined {
  return own?.state === "held" && (own.expiresAt ?? 0) <= now ? "expired" : own?.state;
}

/** The owner's reservation, if it takes stock now. */
function liveOf(facts: Facts): Reservation | undefined {
  const state = effectiveState(facts);
  return state === "held" || state === "reserved" ? facts.own : undefined;
}

function closed(facts: Facts): Decision {
  return err({ reason: "closed", available: availableOf(facts) });
}

/** No overselling: an owner gets at most what is available and what it has taken itself. */
function takeIfAvailable(facts: Facts, quantity: number): Decision {
  const available = availableOf(facts) + (liveOf(facts)?.quantity ?? 0);
  return quantity <= available ? TAKE : err({ reason: "short", available });
}

/** The same within the share of buyers without proof. What counts already may stay. */
function takeIfAllowed(facts: Facts, wanted: Wanted): Decision {
  const { quantity, minimum, sharePercent: percent } = wanted;
  const decision = takeIfAvailable(facts, quantity);
  if (!decision.ok || !countsToward(facts, wanted)) return decision;
  const live = liveOf(facts);
  const counted = live?.counted === true ? live.quantity : 0;
  if (quantity <= counted) return decision;
  const { onHand, taken, takenCounted } = facts;
  const others = { onHand, taken: taken - (live?.quantity ?? 0), takenCounted: takenCounted - counted };
  const available = allowedOf(others, { percent, minimum });
  return quantity <= available ? TAKE : err({ reason: "limited", available });
}

/** Whether a reservation counts toward the share. It stops counting when the buyer is proven or the money authorized. */
export function countsToward({ own }: Pick<Facts, "own">, { counted }: Pick<Wanted, "counted">): boolean {
  return counted && (own?.counted ?? true);
}

/** A new hold. The same quantity again is `already`; another one is `closed`. */
export function decideHold(facts: Facts, wanted: Wanted): Decision {
  const live = liveOf(facts);
  if (live !== undefined) return live.quantity === wanted.quantity ? ALREADY : closed(facts);
  const state = effectiveState(facts);
  return state === "released" || state === "consumed" ? closed(facts) : takeIfAllowed(facts, wanted);
}

/** The order exists: its hold becomes a reservation. An expired hold is taken again while there is stock. */
export function decideReserve(facts: Facts, wanted: Wanted): Decision {
  const state = effectiveState(facts);
  if (state === "consumed" || (state === "reserved" && facts.own?.quantity === wanted.quantity)) return ALREADY;
  return state === "released" ? closed(facts) : takeIfAllowed(facts, wanted);
}

/** The goods have left. Without a live reservation they are taken from what is available. */
export function decideConsume(facts: Facts, quantity: number): Decision {
  return effectiveState(facts) === "consumed" ? ALREADY : takeIfAvailable(facts, quantity);
}

/** `free` gives the stock back; `close` only shuts the owner out; `already` changes nothing. */
export function decideRelease(facts: Facts): "free" | "close" | "already" {
  if (liveOf(facts) !== undefined) return "free";
  const state = effectiveState(facts);
  return state === "released" || state === "consumed" ? "already" : "close";
}

/**
 * What a return of a refunded order's goods changes. `shelve`: they had left and come back, on-hand goes up. `shrink`: they never
 * left, the reservation gets smaller. `note`: nothing is reserved now; the order will take that much less later.
 *
 * A shipped order without a reservation is one whose sale was purged here: orders ship only what was reserved. Should its
 * sale arrive after all, it takes the whole quantity, so the sum is right in either order.
 */
export function decideReturn(
  facts: Pick<Facts, "own" | "now">,
  { shipped }: { readonly shipped: boolean },
): "shelve" | "shrink" | "note" {
  const state = effectiveState(facts);
  if (state === "reserved") return "shrink";
  return state === "consumed" || shipped ? "shelve" : "note";
}

/** What an order still takes of a product when `returned` of the ordered quantity came back before it was taken. */
export function remaining(ordered: number, returned: number): number {
  return Math.max(0, ordered - returned);
}

/** Whether `delta` leaves on-hand at or above what is held and reserved. */
export function mayAdjust(stock: Pick<Facts, "onHand" | "taken">, delta: number): boolean {
  return availableOf(stock) + delta >= 0;
}

/** A product's status at this many available units. */
export function availabilityOf(available: number, threshold: number): Availability {
  if (available <= 0) return "out_of_stock";
  return available <= threshold ? "low_stock" : "in_stock";
}

/** What was last published about a product. While `armed`, falling to the threshold publishes STOCK_LOW. */
export interface Published {
  readonly armed: boolean;
  readonly availability: Availability;
}

/** The new state, and which events to publish. */
export interface EventDecision extends Published {
  readonly stockLow: boolean;
  readonly availabilityChanged: boolean;
}

export interface AfterChange {
  readonly available: number;
  readonly threshold: number;
  /** Whether on-hand went up. */
  readonly restocked: boolean;
}

/**
 * Which events a change publishes. Only a restock above the threshold arms STOCK_LOW again: a cancelled order that lifts the
 * level for a moment must not repeat it.
 */
export function decideEvents(published: Published, { available, threshold, restocked }: AfterChange): EventDecision {
  const availability = availabilityOf(available, threshold);
  const stockLow = published.armed && available <= threshold;
  const armed = available > threshold && (published.armed || restocked);
  return { armed, availability, stockLow, availabilityChanged: availability !== published.availability };
}

/**
 * The same after staff moved the threshold. No goods moved, so STOCK_LOW is not published; with more available than the new
 * threshold it is armed again.
 */
export function decideEventsOfThreshold(published: Published, after: AfterChange): EventDecision {
  return { ...decideEvents(published, { ...after, restocked: true }), stockLow: false };
}

/** One line per product, quantities added up, in the order of the product's id. */
export function sumLines(lines: readonly StockLine[]): StockLine[] {
  const sums = new Map<string, number>();
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  return [...sums]
    .map(([productId, quantity]) => ({ productId, quantity }))
    .toSorted((a, b) => (a.productId < b.productId ? -1 : 1));
}
