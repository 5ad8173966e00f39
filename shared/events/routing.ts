// Which Worker receives which event. A queue has one consumer, so fan-out is one inbox queue per consuming Worker.
import type { EventType } from "./catalogue.ts";
import type { EventEnvelope } from "./envelope.ts";

export const CONSUMERS = ["catalog", "orders", "payments", "inventory", "notifications"] as const;
export type Consumer = (typeof CONSUMERS)[number];

/** Every Worker that may receive each type; `consumersOf` says which receive one event. */
export const ROUTES: Readonly<Record<EventType, readonly Consumer[]>> = {
  ORDER_CREATED: ["inventory", "notifications"],
  // To inventory only of orders whose stock counts toward the share of buyers without proof: for the others it changes nothing there.
  ORDER_CONFIRMED: ["inventory", "notifications"],
  ORDER_PROCESSING: ["notifications"],
  ORDER_SHIPPED: ["inventory", "notifications"],
  ORDER_TRACKING_CHANGED: ["notifications"],
  ORDER_DELIVERED: ["notifications"],
  ORDER_CANCELLED: ["inventory", "payments", "notifications"],
  ORDER_RETURNED: ["inventory"],
  PAYMENT_REQUIRES_ACTION: ["orders"],
  // Not to notifications: ORDER_CONFIRMED says that the money is there, and only when the stock is too (ADR 002).
  PAYMENT_AUTHORIZED: ["orders"],
  PAYMENT_CAPTURED: ["orders", "notifications"],
  PAYMENT_FAILED: ["orders", "notifications"],
  PAYMENT_VOIDED: ["orders", "notifications"],
  PAYMENT_REFUNDED: ["orders", "notifications"],
  PAYMENT_DISPUTED: ["orders", "notifications"],
  STOCK_RESERVED: ["orders"],
  STOCK_REJECTED: ["orders"],
  STOCK_RELEASED: ["orders"],
  STOCK_CONSUMED: ["orders"],
  STOCK_LOW: ["notifications"],
  STOCK_AVAILABILITY_CHANGED: ["catalog"],
  CART_EXPIRED: ["notifications"],
  USER_REGISTERED: ["notifications"],
  EMAIL_VERIFIED: ["notifications"],
  PASSWORD_CHANGED: ["notifications"],
  NOTIFICATION_SEND: ["notifications"],
  PRODUCT_UPSERTED: ["inventory"],
};

/** The members of an event that decide who receives it. */
export interface Routed {
  readonly type: EventType;
  /** Of ORDER_CONFIRMED, whether the order's stock counts; as JSON or SQLite gives it. Older events do not have it. */
  readonly counted?: boolean | number;
}

/** `counted` of a row of the outbox, as SQL: 1 or 0. */
export const IS_COUNTED = `(type = 'ORDER_CONFIRMED' AND envelope ->> '$.data.counted' IS 1)`;

export function routeOf(event: EventEnvelope): Routed {
  return event.type === "ORDER_CONFIRMED" ? { type: event.type, counted: event.data.counted } : { type: event.type };
}

/** Who receives an event. Sending, comparing and counting events all use this one answer. */
export function consumersOf({ type, counted }: Routed): readonly Consumer[] {
  const all = ROUTES[type];
  return type === "ORDER_CONFIRMED" && !counted ? all.filter((consumer) => consumer !== "inventory") : all;
}
