// The rules of stock: what a hold, a reservation, a sale, a release and an adjustment do to one product. Pure: the facts come
// in, a decision goes out; the Stock object carries it out.
//
// A reservation only moves up: held -> reserved -> released -> consumed. A hold that expired may be taken again; a released
// one may not, but goods that have left the house are gone whatever was said before, so shipped wins over cancelled. Events
// of one order therefore end in the same state in whatever order they come.
import type { Availability, StockLine } from "#shared/events/catalogue";

export type ReservationState = "held" | "expired" | "reserved" | "consumed" | "released";

/** An owner's reservation of one product. `expiresAt` (ms) is set while it is held. */
export interface Reservation {
  readonly quantity: number;
  readonly state: ReservationState;
  readonly expiresAt: number | null;
}

/** `available` does not count holds past their time. `own` is the reservation of whoever asks. */
export interface Facts {
  readonly available: number;
  readonly own: Reservation | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Carry it out, it is so already, or why not. */
export type Decision =
  | { readonly kind: "take" }
  | { readonly kind: "already" }
  | { readonly kind: "short"; readonly available: number }
  | { readonly kind: "closed" };

const TAKE: Decision = { kind: "take" };
const ALREADY: Decision = { kind: "already" };
const CLOSED: Decision = { kind: "closed" };

/** A hold past its time counts for nothing, whether its row says so yet or not. */
export function effectiveState({ own, now }: Pick<Facts, "own" | "now">): ReservationState | undefined {
  return own?.state === "held" && (own.expiresAt ?? 0) <= now ? "expired" : own?.state;
}

/** What the asker could have: what is free and what it has taken itself. */
function room(facts: Facts): number {
  const state = effectiveState(facts);
  return facts.available + (state === "held" || state === "reserved" ? (facts.own?.quantity ?? 0) : 0);
}

function takeIfRoom(facts: Facts, quantity: number): Decision {
  const free = room(facts);
  return quantity <= free ? TAKE : { kind: "short", available: free };
}

/** A new hold. The same again is `already`; another quantity, or an owner that was released or served, is `closed`. */
export function decideHold(facts: Facts, quantity: number): Decision {
  const state = effectiveState(facts);
  if (state === "held" || state === "reserved") return facts.own?.quantity === quantity ? ALREADY : CLOSED;
  return state === "released" || state === "consumed" ? CLOSED : takeIfRoom(facts, quantity);
}

/** An order exists: its hold becomes a reservation. A hold that expired is taken again while there is stock. */
export function decideReserve(facts: Facts, quantity: number): Decision {
  const state = effectiveState(facts);
  if (state === "consumed" || (state === "reserved" && facts.own?.quantity === quantity)) return ALREADY;
  return state === "released" ? CLOSED : takeIfRoom(facts, quantity);
}

/** The goods have left. Without a live reservation they come out of what is free; if that is too little, somebody must look. */
export function decideConsume(facts: Facts, quantity: number): Decision {
  return effectiveState(facts) === "consumed" ? ALREADY : takeIfRoom(facts, quantity);
}

/** `take` gives stock back; `closed` only shuts the owner out; `already` changes nothing. */
export function decideRelease(facts: Pick<Facts, "own" | "now">): Decision {
  const state = effectiveState(facts);
  if (state === "held" || state === "reserved") return TAKE;
  return state === "released" || state === "consumed" ? ALREADY : CLOSED;
}

/**
 * Goods of an order that was refunded. `shelve`: they had left and come back. `shrink`: they never left and are the order's no
 * more. `note`: nothing is reserved yet, or no more; what the order takes later is less by so much.
 */
export type ReturnDecision = "shelve" | "shrink" | "note";

/**
 * A shipped order without a reservation is one whose sale is forgotten by now: orders ship only what was reserved, and a
 * reservation stays until it is consumed. Should its sale come after all, it takes the whole quantity, so the sum is right in
 * any order.
 */
export function decideReturn(facts: Pick<Facts, "own" | "now">, shipped: boolean): ReturnDecision {
  const state = effectiveState(facts);
  if (state === "reserved") return "shrink";
  return state === "consumed" || shipped ? "shelve" : "note";
}

/** What an order still takes of a product when `returned` of the ordered quantity came back before it was taken. */
export function remaining(ordered: number, returned: number): number {
  return Math.max(0, ordered - returned);
}

/** Whether `delta` leaves on-hand at or above what is held and reserved. */
export function mayAdjust(available: number, delta: number): boolean {
  return available + delta >= 0;
}

/** How a product with this much available is shown. */
export function availabilityOf(available: number, threshold: number): Availability {
  if (available <= 0) return "out_of_stock";
  return available <= threshold ? "low_stock" : "in_stock";
}

/** What was last told about a product. `armed` means that falling to the threshold is news. */
export interface Published {
  readonly armed: boolean;
  readonly availability: Availability;
}

export interface EventDecision extends Published {
  readonly stockLow: boolean;
  readonly availabilityChanged: boolean;
}

/**
 * What has to be told after a change. Only a restock above the threshold arms the low-stock alarm again: a cancelled order that
 * lifts the level for a moment must not repeat it.
 */
export function decideEvents(told: Published, available: number, threshold: number, restocked: boolean): EventDecision {
  const availability = availabilityOf(available, threshold);
  const stockLow = told.armed && available <= threshold;
  const armed = available > threshold && (told.armed || restocked);
  return { armed, availability, stockLow, availabilityChanged: availability !== told.availability };
}

/**
 * The same after staff moved the threshold. That never rings: no goods moved, and who moved it was answered with the level. What
 * is available above the new threshold arms the alarm anew.
 */
export function decideEventsOfThreshold(told: Published, available: number, threshold: number): EventDecision {
  return { ...decideEvents(told, available, threshold, true), stockLow: false };
}

/** One line per product, quantities added up, in the order of the product's id. */
export function sumLines(lines: readonly StockLine[]): StockLine[] {
  const sums = new Map<string, number>();
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  return [...sums].map(([productId, quantity]) => ({ productId, quantity })).toSorted(byProduct);
}

function byProduct(a: StockLine, b: StockLine): number {
  return a.productId < b.productId ? -1 : 1;
}
