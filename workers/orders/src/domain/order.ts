// The order's state machine as data. `changeOf` turns an event into a declared change; `applyChange` interprets it on an order in
// memory, and store/saga.ts makes the same change SQL. commands.ts is the same for commands.
import type { OrderStatus, PaymentStatus, StockStatus } from "#shared/contracts/orders";
import { LATE_REPORT_MS } from "../constants.ts";

/** Times in milliseconds since the epoch. */
export interface OrderState {
  readonly status: OrderStatus;
  readonly paymentStatus: PaymentStatus;
  /** Of the last payment event applied; 0 before the first. */
  readonly paymentVersion: number;
  readonly stockStatus: StockStatus;
  /** The order is cancelled when no money is authorized by then. */
  readonly paymentDueAt: number;
  readonly createdAt: number;
}

/** What has to hold of an order: each member that is present. `isOverdue`: its payment window is over at the time in question. */
export interface Condition {
  readonly status?: readonly OrderStatus[];
  readonly paymentStatus?: readonly PaymentStatus[];
  readonly stockStatus?: readonly StockStatus[];
  readonly paymentVersionBelow?: number;
  readonly isOverdue?: boolean;
}

/** The states in which the money is the shop's to take. A dispute follows a capture, so it counts, but holds the goods back. */
export const MONEY_IN: readonly PaymentStatus[] = ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED", "DISPUTED"];
/** Money was authorized once, even if all of it went back. VOIDED proves nothing: most were never authorized. */
export const MONEY_KNOWN: readonly PaymentStatus[] = [...MONEY_IN, "REFUNDED"];
/** States in which a payment can still be made. */
export const PAYABLE: readonly PaymentStatus[] = ["NONE", "CREATED", "REQUIRES_ACTION", "FAILED"];
/** States in which a payment method was tried. */
export const TRIED: readonly PaymentStatus[] = ["REQUIRES_ACTION", "FAILED"];

/** Until the goods leave. */
export const CANCELLABLE: readonly OrderStatus[] = ["PENDING", "CONFIRMED", "PROCESSING"];
/** There is a parcel to track. */
export const SHIPPED_OR_LATER: readonly OrderStatus[] = ["SHIPPED", "DELIVERED"];

/** Waits for money. Such an order counts toward the caps, and keeps its client network that long. */
export const OPEN_UNPAID: Condition = { status: ["PENDING"], paymentStatus: PAYABLE };
export const CAN_BE_PAID: Condition = { ...OPEN_UNPAID, isOverdue: false };
export const PAYMENT_OVERDUE: Condition = { ...OPEN_UNPAID, isOverdue: true };

/** Between payment and delivery: the order relies on its money, and staff still works on it. */
export const PAID_AND_OPEN: Condition = { status: ["CONFIRMED", "PROCESSING", "SHIPPED"] };
/** Inventory has not answered ORDER_CREATED. */
export const AWAITS_STOCK: Condition = { status: ["PENDING"], stockStatus: ["PENDING"] };

/** Why payments ended a payment whose cards were declined too often. */
const TOO_MANY_DECLINES = "too_many_declines";

/** An event moves the order to `to` where `when` holds with the event's values in place. Of several, the first that holds counts. */
interface EventTransition {
  readonly on: readonly PeerEvent["kind"][];
  readonly when: Condition;
  /** Only of a payment that ended for this reason. */
  readonly paymentReason?: string;
  readonly to: "CONFIRMED" | "CANCELLED";
  readonly reason: string | null;
}

const EVENT_TRANSITIONS: readonly EventTransition[] = [
  {
    on: ["stock", "payment"],
    when: { status: ["PENDING"], stockStatus: ["RESERVED"], paymentStatus: MONEY_IN },
    to: "CONFIRMED",
    reason: null,
  },
  {
    on: ["stock"],
    when: { status: CANCELLABLE, stockStatus: ["REJECTED"] },
    to: "CANCELLED",
    reason: "insufficient_stock",
  },
  {
    on: ["payment"],
    when: { status: CANCELLABLE, paymentStatus: ["REFUNDED"] },
    to: "CANCELLED",
    reason: "payment_refunded",
  },
  {
    on: ["payment"],
    when: { status: CANCELLABLE, paymentStatus: ["VOIDED"] },
    paymentReason: TOO_MANY_DECLINES,
    to: "CANCELLED",
    reason: TOO_MANY_DECLINES,
  },
  {
    // If the order is overdue, its time-out caused the void.
    on: ["payment"],
    when: { status: ["PENDING"], paymentStatus: ["VOIDED"], isOverdue: true },
    to: "CANCELLED",
    reason: "payment_timeout",
  },
  {
    on: ["payment"],
    when: { status: CANCELLABLE, paymentStatus: ["VOIDED"] },
    to: "CANCELLED",
    reason: "payment_voided",
  },
];

/**
 * Which stock status each report may replace. Stock only moves forward, so late and repeated events change nothing. Consumed goods
 * have left the shelf, whatever was reported before.
 */
const STOCK_REPLACES: Readonly<Record<StockReport, readonly StockStatus[]>> = {
  RESERVED: ["PENDING"],
  RELEASED: ["PENDING", "RESERVED"],
  REJECTED: ["PENDING", "RESERVED", "RELEASED"],
  CONSUMED: ["PENDING", "RESERVED", "RELEASED", "REJECTED"],
};
export type StockReport = Exclude<StockStatus, "PENDING">;

/** Whether the condition holds at time `at` (ms). */
export function matches(condition: Condition, state: OrderState, at: number): boolean {
  const { status, paymentStatus, stockStatus, paymentVersionBelow, isOverdue } = condition;
  return (
    (status === undefined || status.includes(state.status)) &&
    (paymentStatus === undefined || paymentStatus.includes(state.paymentStatus)) &&
    (stockStatus === undefined || stockStatus.includes(state.stockStatus)) &&
    (paymentVersionBelow === undefined || state.paymentVersion < paymentVersionBelow) &&
    (isOverdue === undefined || state.paymentDueAt <= at === isOverdue)
  );
}

/** What inventory or payments reports of an order. */
export type PeerEvent =
  | { readonly kind: "stock"; readonly stockStatus: StockReport }
  | {
      readonly kind: "payment";
      readonly paymentStatus: PaymentStatus;
      /** The payment's; only a greater one than the last applied counts. */
      readonly version: number;
      /** Why the payment is in this state, where payments says so. */
      readonly reason?: string | null | undefined;
      /** When payments reported it, in milliseconds. */
      readonly reportedAt: number;
    };

/** What an event changes, as conditions on the order as it is before. */
export interface Change {
  readonly set: { readonly stockStatus: StockStatus } | Pick<OrderState, "paymentStatus" | "paymentVersion">;
  /** Where it does not hold, the event changes nothing. */
  readonly applies: Condition;
  /** The first that holds moves the order. Their `to` is the same, since an event can only confirm or only cancel. */
  readonly transitions: readonly Omit<EventTransition, "on" | "paymentReason">[];
  /** The order gets its whole payment window where `when` holds at time `at`. */
  readonly extendsWindow: { readonly when: Condition; readonly at: number } | undefined;
}

/** The condition with what the change sets taken out; undefined where it cannot hold then. */
function withoutChanged(condition: Condition, set: Change["set"]): Condition | undefined {
  const { stockStatus, paymentStatus, ...rest } = condition;
  if ("stockStatus" in set) {
    if (stockStatus?.includes(set.stockStatus) === false) return undefined;
    return paymentStatus === undefined ? rest : { ...rest, paymentStatus };
  }
  if (paymentStatus?.includes(set.paymentStatus) === false) return undefined;
  return stockStatus === undefined ? rest : { ...rest, stockStatus };
}

/** What this event changes, of an order in any state. */
export function changeOf(event: PeerEvent): Change {
  const set =
    event.kind === "stock"
      ? { stockStatus: event.stockStatus }
      : { paymentStatus: event.paymentStatus, paymentVersion: event.version };
  const paymentReason = event.kind === "payment" ? event.reason : undefined;
  const transitions = EVENT_TRANSITIONS.filter(
    (row) => row.on.includes(event.kind) && (row.paymentReason === undefined || row.paymentReason === paymentReason),
  ).flatMap(({ when, to, reason }) => {
    const left = withoutChanged(when, set);
    return left === undefined ? [] : [{ when: left, to, reason }];
  });
  const isTry = event.kind === "payment" && TRIED.includes(event.paymentStatus);
  return {
    set,
    applies:
      event.kind === "stock"
        ? { stockStatus: STOCK_REPLACES[event.stockStatus] }
        : { paymentVersionBelow: event.version },
    transitions,
    extendsWindow: isTry ? { when: { isOverdue: false }, at: event.reportedAt - LATE_REPORT_MS } : undefined,
  };
}

/** The rest of OPEN_UNPAID, which the order must meet after the change; undefined where it cannot be open any more. */
export function openAfter({ set }: Change): Condition | undefined {
  return withoutChanged(OPEN_UNPAID, set);
}

/** The condition under which money was authorized before the change or by it, as the outgoing event says. */
export function moneyKnownAfter({ set }: Change): Condition {
  return "paymentStatus" in set && MONEY_KNOWN.includes(set.paymentStatus) ? {} : { paymentStatus: MONEY_KNOWN };
}

/** What an event made of an order: its new state and, where the status changed, why. */
export interface Applied {
  readonly state: OrderState;
  readonly reason: string | null;
}

/** Applies the change at time `now` (ms). `paymentWindowMs`: the whole window of an order, from when it was made. */
export function applyChange(
  state: OrderState,
  { set, applies, transitions, extendsWindow }: Change,
  { now, paymentWindowMs }: { readonly now: number; readonly paymentWindowMs: number },
): Applied {
  if (!matches(applies, state, now)) return { state, reason: null };
  const move = transitions.find(({ when }) => matches(when, state, now));
  const isExtended = extendsWindow !== undefined && matches(extendsWindow.when, state, extendsWindow.at);
  return {
    state: {
      ...state,
      ...set,
      ...(move === undefined ? {} : { status: move.to }),
      ...(isExtended ? { paymentDueAt: Math.max(state.paymentDueAt, state.createdAt + paymentWindowMs) } : {}),
    },
    reason: move?.reason ?? null,
  };
}
