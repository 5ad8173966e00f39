// The order's state machine, pure. The consumer runs the same rules in SQL (store/saga.ts), built from the tables below; a test
// holds the two together.
import type { OrderStatus, PaymentStatus, StockStatus } from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";

export interface OrderState {
  readonly status: OrderStatus;
  readonly paymentStatus: PaymentStatus;
  /** Of the last payment event applied; 0 before the first. */
  readonly paymentVersion: number;
  readonly stockStatus: StockStatus;
}

/** The states in which the money is the shop's to take. A dispute follows a capture, so it counts, but holds the goods back. */
export const MONEY_IN: readonly PaymentStatus[] = ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED", "DISPUTED"];
/** Money that was authorized once, whether or not all of it went back since. VOIDED tells nothing: most were never authorized. */
export const MONEY_KNOWN: readonly PaymentStatus[] = [...MONEY_IN, "REFUNDED"];
/** Money that was captured and is not all back: whoever cancels such an order gives it back. A dispute follows a capture. */
const MONEY_CAPTURED: readonly PaymentStatus[] = ["CAPTURED", "PARTIALLY_REFUNDED", "DISPUTED"];
/** Money that went back entirely: nothing is left to ship for. */
export const MONEY_GONE: readonly PaymentStatus[] = ["VOIDED", "REFUNDED"];
/** States in which a payment can still be made. */
export const PAYABLE: readonly PaymentStatus[] = ["NONE", "CREATED", "REQUIRES_ACTION", "FAILED"];

/** States that a payment method was tried in. */
export const TRIED: readonly PaymentStatus[] = ["REQUIRES_ACTION", "FAILED"];

/** Until the goods leave. */
export const CANCELLABLE: readonly OrderStatus[] = ["PENDING", "CONFIRMED", "PROCESSING"];
/** The goods are on their way or there: there is a transfer to track. */
export function hasLeft(status: OrderStatus): boolean {
  return status === "SHIPPED" || status === "DELIVERED";
}

/** A buyer may not stop what is being packed. */
const CANCELLABLE_BY_BUYER: readonly OrderStatus[] = ["PENDING", "CONFIRMED"];

/**
 * What stock status each may replace. It only moves forward, so late and repeated events change nothing. Goods that have left the
 * shelf have, whatever was told before.
 */
export const STOCK_REPLACES: Readonly<
  Record<"RESERVED" | "REJECTED" | "RELEASED" | "CONSUMED", readonly StockStatus[]>
> = {
  RESERVED: ["PENDING"],
  RELEASED: ["PENDING", "RESERVED"],
  REJECTED: ["PENDING", "RESERVED", "RELEASED"],
  CONSUMED: ["PENDING", "RESERVED", "RELEASED", "REJECTED"],
};
export type StockNews = keyof typeof STOCK_REPLACES;

/** The one step forward that staff takes from each state. CONFIRMED is nobody's to give: it follows from money and stock. */
const NEXT_BY_STAFF: Readonly<Partial<Record<OrderStatus, OrderStatus>>> = {
  CONFIRMED: "PROCESSING",
  PROCESSING: "SHIPPED",
  SHIPPED: "DELIVERED",
};

/** Payment states that let the goods move on; DISPUTED is not among them until it is closed. */
const MONEY_SAFE: readonly PaymentStatus[] = ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED"];

/** What an event made of an order: its new state and, where the status changed, why. */
export interface Applied {
  readonly state: OrderState;
  readonly reason: string | null;
}

function confirmed(state: OrderState): Applied {
  const ready =
    state.status === "PENDING" && state.stockStatus === "RESERVED" && MONEY_IN.includes(state.paymentStatus);
  return { state: ready ? { ...state, status: "CONFIRMED" } : state, reason: null };
}

function cancelled(state: OrderState, reason: string): Applied {
  return CANCELLABLE.includes(state.status)
    ? { state: { ...state, status: "CANCELLED" }, reason }
    : { state, reason: null };
}

/** News from inventory. */
export function applyStock(state: OrderState, news: StockNews): Applied {
  if (!STOCK_REPLACES[news].includes(state.stockStatus)) return { state, reason: null };
  const next: OrderState = { ...state, stockStatus: news };
  return news === "REJECTED" ? cancelled(next, "insufficient_stock") : confirmed(next);
}

/** Why payments ended a payment whose cards were declined too often. */
export const TOO_MANY_DECLINES = "too_many_declines";

interface PaymentNews {
  readonly status: PaymentStatus;
  readonly version: number;
  /** Why the payment is as it is, where payments says so. */
  readonly reason?: string | null | undefined;
}

/** Why an order ends whose money went: past its window it is the time-out's own void that comes back. */
function moneyGoneReason(state: OrderState, { status, reason }: PaymentNews, dueAt: number, now: number): string {
  if (status === "REFUNDED") return "payment_refunded";
  if (reason === TOO_MANY_DECLINES) return reason;
  return state.status === "PENDING" && dueAt <= now ? "payment_timeout" : "payment_voided";
}

/** News from payments; an event that is not newer than the last one applied changes nothing. */
export function applyPayment(state: OrderState, news: PaymentNews, dueAt: number, now: number): Applied {
  if (news.version <= state.paymentVersion) return { state, reason: null };
  const next: OrderState = { ...state, paymentStatus: news.status, paymentVersion: news.version };
  return MONEY_GONE.includes(news.status) ? cancelled(next, moneyGoneReason(state, news, dueAt, now)) : confirmed(next);
}

/** As what somebody acts on an order. A vendor is staff of the orders whose lines are all theirs, but gives no money back. */
export type Party = "buyer" | "vendor" | "admin" | "system";

export function isStaff(party: Party): boolean {
  return party === "vendor" || party === "admin";
}

/** What a vendor is told who cancels an order whose money was captured. */
export const CAPTURED_IS_THE_ADMINS = fail(
  "forbidden",
  "This order's payment was captured, and cancelling it would give the money back: only an admin may do that.",
);

function mayCancel({ status, paymentStatus }: OrderState, by: Party): boolean {
  if (by === "vendor" && MONEY_CAPTURED.includes(paymentStatus)) return false;
  return (by === "buyer" ? CANCELLABLE_BY_BUYER : CANCELLABLE).includes(status);
}

/** The states that this party may give the order now. */
function allowedStates(state: OrderState, by: Party): readonly OrderStatus[] {
  const next = by === "buyer" ? undefined : NEXT_BY_STAFF[state.status];
  const mayMove = next === "DELIVERED" || MONEY_SAFE.includes(state.paymentStatus);
  return [...(next !== undefined && mayMove ? [next] : []), ...(mayCancel(state, by) ? (["CANCELLED"] as const) : [])];
}

function illegal(state: OrderState, to: OrderStatus, by: Party, why: string): Outcome<OrderState> {
  const allowed = allowedStates(state, by);
  const left = allowed.length === 0 ? "you can give it no other status now" : `you can make it ${allowed.join(" or ")}`;
  return fail("illegal_transition", `${why}; ${left}.`, { from: state.status, to, allowedStates: allowed });
}

function cancelledBy(state: OrderState, by: Party): Outcome<OrderState> {
  if (mayCancel(state, by)) return ok({ ...state, status: "CANCELLED" });
  return CANCELLABLE.includes(state.status) && by === "vendor"
    ? CAPTURED_IS_THE_ADMINS
    : illegal(state, "CANCELLED", by, `An order that is ${state.status} cannot be cancelled`);
}

/**
 * What a command makes of an order: the new state, the same object when it is there already, illegal_transition, or forbidden for a
 * vendor's cancellation that would give captured money back.
 * The reserved stock follows SHIPPED: inventory takes it off the shelf and tells so.
 */
export function command(state: OrderState, to: OrderStatus, by: Party): Outcome<OrderState> {
  if (state.status === to) return ok(state);
  if (to === "CANCELLED") return cancelledBy(state, by);
  if (by === "buyer" || NEXT_BY_STAFF[state.status] !== to) {
    return illegal(state, to, by, `An order that is ${state.status} cannot become ${to}`);
  }
  if (to === "DELIVERED") return ok({ ...state, status: to });
  if (!MONEY_SAFE.includes(state.paymentStatus)) {
    const why = `The order's payment is ${state.paymentStatus}, and the goods stay until it is settled`;
    return illegal(state, to, by, why);
  }
  return ok({ ...state, status: to });
}
