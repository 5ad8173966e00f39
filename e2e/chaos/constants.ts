// What the chaos tests share of the local runtime.

export const ADMIN = { email: "admin@example.com", password: "Admin123!" } as const;
export const BUYER = { email: "customer@example.com", password: "Customer123!" } as const;

/** What no load of theirs may run into: an audit wants every message sent, and no order ended whose payment comes late. */
export const UNLIMITED = {
  UNTRIED_PAYMENT_WINDOW_SECONDS: "1800",
  RATE_LIMITS: "off",
  ORDER_CAPS: "off",
  MESSAGES_PER_HOUR_UNPROVEN: "1000000",
  MESSAGES_PER_DAY_UNPROVEN: "1000000",
  MESSAGES_PER_HOUR_PROVEN: "1000000",
} as const;

/** Past every hold (2 min), mail lease (1 min) and checkout lease (2 min), below the payment window and Stripe's key retention. */
export const SETTLED_AFTER_MS = 3 * 60_000;

/** How long an order may take to its next state with a hundred messages ahead of it on a busy machine. */
export const PATIENCE_MS = 90_000;
