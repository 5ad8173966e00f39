// Limits, times and the API version of the sandbox.

/** The API version that stripe-node 23.1 pins. Events carry it. */
export const API_VERSION = "2026-10-28.endive";
/** The only secret key. Any `pk_test_…` works as a publishable key. */
export const SECRET_KEY = "sk_test_sandbox";
export const WEBHOOK_PATH = "/api/webhooks/stripe";

/** Stripe deletes idempotency keys after a day (https://docs.stripe.com/api/idempotent_requests). */
export const IDEMPOTENCY_RETENTION_MS = 24 * 60 * 60 * 1_000;
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;
/** Stripe accepts at most eight digits. */
export const MAX_AMOUNT_MINOR = 99_999_999;
/** Far above the size of any call. */
export const MAX_BODY_BYTES = 64 * 1_024;

/** How long a customer-initiated card authorization of Visa online can be captured. */
export const CAPTURE_WINDOW_SECONDS = 7 * 24 * 60 * 60;

/** How long the shop has to answer a dispute; card networks give 7 to 21 days. */
export const EVIDENCE_WINDOW_SECONDS = 14 * 24 * 60 * 60;
/** Stripe's fee for a dispute, won or lost, in minor units. */
export const DISPUTE_FEE_MINOR = 1_500;

/** Pauses before the second and each later attempt of a delivery. After the last one the event remains in the list only. */
export const RETRY_DELAYS_MS: readonly number[] = [2_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000];
/** An endpoint that takes longer to answer counts as failed. */
export const DELIVERY_TIMEOUT_MS = 10_000;
/** How long `webhooks: delay` holds an event back. */
export const FAULT_DELAY_MS = 3_000;
/** `webhooks: shuffle` collects events for up to this long and sends them newest first. */
export const FAULT_SHUFFLE_WINDOW_MS = 1_000;
/** How long `answers: hang` keeps the caller waiting: longer than any sensible client timeout, but finite. */
export const FAULT_HANG_MS = 60_000;

/**
 * The events that the shop's webhook endpoint is subscribed to. Without payment_intent.created: the shop created the intent itself,
 * and every order would cost one more delivery.
 */
export const ENDPOINT_EVENTS: ReadonlySet<string> = new Set([
  "payment_intent.amount_capturable_updated",
  "payment_intent.succeeded",
  "payment_intent.payment_failed",
  "payment_intent.canceled",
  "payment_intent.requires_action",
  "charge.captured",
  "charge.expired",
  "charge.refunded",
  "charge.dispute.created",
  "charge.dispute.updated",
  "charge.dispute.closed",
  "charge.dispute.funds_withdrawn",
  "charge.dispute.funds_reinstated",
  "refund.created",
  "refund.updated",
  "refund.failed",
]);
