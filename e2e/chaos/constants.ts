// Accounts, variables and times that the chaos tests share.
import { UNHINDERED } from "../harness.ts";

export const ADMIN = { email: "admin@example.com", password: "Admin123!" } as const;
export const BUYER = { email: "customer@example.com", password: "Customer123!" } as const;

/** No limits: the audit expects every message to be sent, and no order to expire before a late payment. */
export const UNLIMITED = {
  UNTRIED_PAYMENT_WINDOW_SECONDS: "1800",
  ...UNHINDERED,
  MESSAGES_PER_HOUR_UNPROVEN: "1000000",
  MESSAGES_PER_DAY_UNPROVEN: "1000000",
  MESSAGES_PER_HOUR_PROVEN: "1000000",
} as const;

/** Longer than a hold (2 min), a mail lease (1 min) and a checkout lease (2 min); shorter than the payment window. */
export const EXPIRED_AFTER_MS = 3 * 60_000;

/** How long an order may take to its next state behind a hundred messages, on a busy machine. */
export const TIMEOUT_MS = 90_000;
