// Which Worker hears of which event. A queue has one consumer, so fan-out is one inbox queue per consuming Worker.
import type { EventType } from "./catalogue.ts";

export const CONSUMERS = ["catalog", "orders", "payments", "inventory", "notifications"] as const;
export type Consumer = (typeof CONSUMERS)[number];

export const ROUTES: Readonly<Record<EventType, readonly Consumer[]>> = {
  ORDER_CREATED: ["inventory", "notifications"],
  ORDER_CONFIRMED: ["notifications"],
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
