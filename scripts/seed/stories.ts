// The history of a seeded order, step by step, as the Workers would have written it. Each step is a version of the order or of its payment;
// steps that changed the status are in the history.
import type { OrderStatus, PaymentStatus, StockStatus } from "#shared/contracts/orders";
import type { PaymentState } from "#shared/contracts/payments";
import { SEED_NOW, between } from "./random.ts";
import type { Random } from "./random.ts";

/** withdrawn: cancelled by the buyer. expired: never paid. refunded: captured early, then cancelled by staff. */
export type Outcome = "confirmed" | "processing" | "shipped" | "delivered" | "withdrawn" | "expired" | "refunded";

export interface OrderStep {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Absent where the version changed something else than the status. */
  readonly to?: OrderStatus;
  readonly actor: string;
  readonly reason?: string;
}

export interface PaymentStep {
  readonly at: number;
  readonly to?: PaymentState;
  readonly actor: string;
  readonly reason: string;
}

export interface Story {
  readonly outcome: Outcome;
  readonly status: OrderStatus;
  readonly paymentStatus: Exclude<PaymentStatus, "NONE">;
  readonly stockStatus: StockStatus;
  readonly orderSteps: readonly OrderStep[];
  readonly paymentSteps: readonly PaymentStep[];
  /** Why it was cancelled; null where it was not. */
  readonly cancelReason: string | null;
  /** When the reservation became what it is. */
  readonly stockChangedAt: number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** The default of PAYMENT_WINDOW_SECONDS. */
export const PAYMENT_WINDOW_MS = 30 * MINUTE_MS;

/**
 * Hours between the order and SEED_NOW. Finished reservations ended within the last SETTLED_WITHIN_MS: inventory purges them 30 days
 * later, and up to two days lie between SEED_NOW and the seeding.
 */
const AGE_HOURS: Readonly<Record<Outcome, readonly [number, number]>> = {
  confirmed: [4, 60],
  processing: [30, 100],
  shipped: [70, 160],
  delivered: [150, 320],
  withdrawn: [20, 70],
  expired: [10, 70],
  refunded: [40, 70],
};

/** Keeps the whole seed for 25 days after the seeding. */
export const SETTLED_WITHIN_MS = 3 * 24 * HOUR_MS;

/** The actors of a history. */
export interface Cast {
  readonly buyerId: string;
  readonly staffId: string;
}

/** The steps of the payment: created, stored, authorized, then those of the outcome. */
function paymentSteps(outcome: Outcome, { buyerId, staffId }: Cast, times: Times): PaymentStep[] {
  const made: PaymentStep[] = [
    { at: times.created + 40 * SECOND_MS, to: "CREATED", actor: buyerId, reason: "intent" },
    { at: times.created + 41 * SECOND_MS, actor: buyerId, reason: "intent" },
  ];
  const voided: PaymentStep = {
    at: times.ended + SECOND_MS,
    to: "VOIDED",
    actor: "orders",
    reason: "ORDER_CANCELLED",
  };
  if (outcome === "expired")
    return [...made, { ...voided, at: times.ended - SECOND_MS, actor: "payment_timeout", reason: "payment_timeout" }];
  const paid: PaymentStep[] = [
    ...made,
    { at: times.paid, to: "AUTHORIZED", actor: "stripe", reason: "payment_intent.amount_capturable_updated" },
  ];
  if (outcome === "confirmed" || outcome === "processing") return paid;
  if (outcome === "withdrawn") return [...paid, voided];
  if (outcome === "refunded") {
    return [
      ...paid,
      { at: times.captured, to: "CAPTURED", actor: staffId, reason: "capture" },
      { at: times.ended + 2 * SECOND_MS, to: "REFUNDED", actor: "orders", reason: "ORDER_CANCELLED" },
    ];
  }
  return [...paid, { at: times.captured, to: "CAPTURED", actor: staffId, reason: "shipment" }];
}

/** The steps of the order. Steps without `to` changed its stock or payment status only. */
function orderSteps(outcome: Outcome, { buyerId, staffId }: Cast, times: Times): OrderStep[] {
  const pending: OrderStep[] = [
    { at: times.created, to: "PENDING", actor: buyerId },
    { at: times.created + SECOND_MS, actor: "inventory" },
  ];
  const followed = (after: number): OrderStep[] => [
    { at: after + SECOND_MS, actor: "inventory" },
    { at: after + 3 * SECOND_MS, actor: "payments" },
  ];
  if (outcome === "expired") {
    const reason = "payment_timeout";
    return [...pending, { at: times.ended, to: "CANCELLED", actor: reason, reason }, ...followed(times.ended)];
  }
  const confirmed: OrderStep[] = [...pending, { at: times.paid + SECOND_MS, to: "CONFIRMED", actor: "payments" }];
  if (outcome === "confirmed") return confirmed;
  if (outcome === "withdrawn") {
    const cancelled = { at: times.ended, to: "CANCELLED", actor: buyerId, reason: "Ordered by mistake" } as const;
    return [...confirmed, cancelled, ...followed(times.ended)];
  }
  if (outcome === "refunded") {
    const cancelled = { at: times.ended, to: "CANCELLED", actor: staffId, reason: "Agreed with the buyer" } as const;
    return [...confirmed, { at: times.captured + SECOND_MS, actor: "payments" }, cancelled, ...followed(times.ended)];
  }
  const processing: OrderStep[] = [...confirmed, { at: times.processing, to: "PROCESSING", actor: staffId }];
  if (outcome === "processing") return processing;
  const shipped: OrderStep[] = [
    ...processing,
    { at: times.shipped, to: "SHIPPED", actor: staffId },
    { at: times.shipped + SECOND_MS, actor: "payments" },
  ];
  if (outcome === "shipped") return shipped;
  return [...shipped, { at: times.delivered, to: "DELIVERED", actor: staffId }];
}

interface Times {
  readonly created: number;
  readonly paid: number;
  readonly processing: number;
  readonly captured: number;
  readonly shipped: number;
  readonly delivered: number;
  readonly ended: number;
}

function timesOf(random: Random, outcome: Outcome): Times {
  const [least, most] = AGE_HOURS[outcome];
  const created = SEED_NOW - between(random, least * HOUR_MS, most * HOUR_MS);
  const paid = created + between(random, MINUTE_MS, 20 * MINUTE_MS);
  const processing = paid + between(random, HOUR_MS, 20 * HOUR_MS);
  const delivered = SEED_NOW - between(random, HOUR_MS, 40 * HOUR_MS);
  // A delivered order left 42 to 70 hours before SEED_NOW; one on its way 1 to 40 hours before.
  const shippedAgo: readonly [number, number] = outcome === "delivered" ? [42, 70] : [1, 40];
  const shipped = SEED_NOW - between(random, shippedAgo[0] * HOUR_MS, shippedAgo[1] * HOUR_MS);
  const ended =
    outcome === "expired"
      ? created + PAYMENT_WINDOW_MS + 45 * SECOND_MS
      : paid + between(random, HOUR_MS, 15 * HOUR_MS);
  const captured = outcome === "refunded" ? paid + 30 * MINUTE_MS : shipped - SECOND_MS;
  return { created, paid, processing, captured, shipped, delivered, ended };
}

const STATUS: Readonly<Record<Outcome, OrderStatus>> = {
  confirmed: "CONFIRMED",
  processing: "PROCESSING",
  shipped: "SHIPPED",
  delivered: "DELIVERED",
  withdrawn: "CANCELLED",
  expired: "CANCELLED",
  refunded: "CANCELLED",
};
const PAYMENT_STATUS: Readonly<Record<Outcome, Story["paymentStatus"]>> = {
  confirmed: "AUTHORIZED",
  processing: "AUTHORIZED",
  shipped: "CAPTURED",
  delivered: "CAPTURED",
  withdrawn: "VOIDED",
  expired: "VOIDED",
  refunded: "REFUNDED",
};

/** The history of one order. It ends at or before SEED_NOW. */
export function tellStory(random: Random, outcome: Outcome, cast: Cast): Story {
  const times = timesOf(random, outcome);
  const status = STATUS[outcome];
  const consumed = status === "SHIPPED" || status === "DELIVERED";
  const stockChangedAt = consumed
    ? times.shipped + SECOND_MS
    : status === "CANCELLED"
      ? times.ended + SECOND_MS
      : times.created + SECOND_MS;
  const steps = orderSteps(outcome, cast, times);
  return {
    outcome,
    status,
    paymentStatus: PAYMENT_STATUS[outcome],
    stockStatus: consumed ? "CONSUMED" : status === "CANCELLED" ? "RELEASED" : "RESERVED",
    cancelReason: steps.find(({ to }) => to === "CANCELLED")?.reason ?? null,
    orderSteps: steps,
    paymentSteps: paymentSteps(outcome, cast, times),
    stockChangedAt,
  };
}
