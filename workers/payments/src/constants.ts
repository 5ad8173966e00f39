// Limits and times of payments.

/** A webhook's signature is valid for this long, Stripe's own default (https://docs.stripe.com/webhooks#replay-attacks). */
export const WEBHOOK_TOLERANCE_SECONDS = 300;
/** Stripe's events have a few KB; this is the API's own limit for bodies. */
export const MAX_WEBHOOK_BYTES = 256 * 1_024;
export const WEBHOOK_PATH = "/api/webhooks/stripe";

/** How long to wait for an answer of Stripe, and how often the SDK retries after a lost connection or a 5xx. */
export interface TimeoutPolicy {
  readonly timeoutMs: number;
  readonly retries: number;
}
/** For calls that somebody waits for: one attempt, well under the gateway's deadline of 10 s. Sweeps finish what is left undone. */
export const CALL_TIMEOUT_POLICY: TimeoutPolicy = { timeoutMs: 4_000, retries: 0 };
/** For webhooks, events and sweeps, which nobody waits for. */
export const BACKGROUND_TIMEOUT_POLICY: TimeoutPolicy = { timeoutMs: 8_000, retries: 1 };
/** A call may need several answers of Stripe. This limits the wait for all of them, to less than the gateway's deadline. */
export const CALL_DEADLINE_MS = 8_000;
/** Pauses before a request is repeated that Stripe refused because another call holds the object. */
export const BUSY_RETRY_PAUSES_MS: readonly number[] = [200, 500];
/** The host of the sandbox's binding. It is never resolved, because the binding carries the request. */
export const SANDBOX_HOST = "stripe.sandbox";

/** An open payment is checked at Stripe after 1, 2, 4 … minutes, in case its webhooks were lost. */
export const FIRST_CHECK_MS = 60_000;
/** The longest pause between checks. Stripe retries webhooks for three days, so four checks a day are enough. */
export const MAX_CHECK_MS = 6 * 60 * 60 * 1_000;
/** The attempts that an authorized or disputed payment starts with. It rarely changes, so its back-off is at the longest pause. */
export const SLOW_CHECK_ATTEMPTS = 9;
/** A webhook is answered after this time even if its processing goes on. Stripe waits some ten seconds. */
export const WEBHOOK_PATIENCE_MS = 3_000;
/** After this time a stored webhook that is not processed has lost its process. */
export const WEBHOOK_RETRY_MS = 30_000;
/** A pending refund is executed again after this time, then with the same back-off as checks. */
export const REFUND_RETRY_MS = 60_000;

/** A closed order's refund is given up after the buyer's bank has returned this many. */
export const MAX_RETURNED_REFUNDS = 3;

/** A payment's event is republished when orders still lacks it this long after it was published. The pause doubles each time. */
export const REPUBLISH_AFTER_MS = 5 * 60 * 1_000;

/** The admins are notified this long before an authorization expires: a working day to ship, or to ask the buyer to pay again. */
export const EXPIRY_NOTICE_MS = 24 * 60 * 60 * 1_000;
/**
 * How long an authorization lasts when Stripe does not say, as it does for cards only (`capture_before`): a card's seven days less one
 * (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method).
 */
export const DEFAULT_CAPTURE_WINDOW_MS = 6 * 24 * 60 * 60 * 1_000;

/** How often Stripe's list of events is compared with what its webhooks delivered. */
export const COMPARE_EVENTS_EVERY_MS = 10 * 60_000;
/** Younger events are not compared: their webhooks may still arrive. */
export const EVENT_GRACE_MS = 2 * 60_000;
/** Each comparison repeats the last part of the one before, because Stripe counts in seconds and its lists may lag. */
export const EVENT_OVERLAP_MS = 10 * 60_000;
/** How far back the first comparison goes. Stripe keeps its list for 30 days. */
export const FIRST_EVENTS_MS = 24 * 60 * 60 * 1_000;
/** The time that one comparison covers, so that a backlog is compared in slices. */
export const EVENTS_SLICE_MS = 6 * 60 * 60 * 1_000;
/** Far more events than a slice has; the SDK requires a limit. */
export const MAX_EVENTS_PER_SLICE = 10_000;
/** Declines of a payer and of a client network count for this long. */
export const DECLINE_WINDOW_MS = 60 * 60 * 1_000;
/** An order that was ended after too many declines releases its stock within this time; then a new order can have it. */
export const NEW_ORDER_AFTER_MS = 10_000;
/** Longer than any order waits for its payment. */
export const DECLINE_RETENTION_MS = 30 * 24 * 60 * 60 * 1_000;

/** The event types that the webhook endpoint is subscribed to at Stripe, and that the comparison lists. */
export const WEBHOOK_TYPES = [
  "payment_intent.amount_capturable_updated",
  "payment_intent.succeeded",
  "payment_intent.payment_failed",
  "payment_intent.canceled",
  "payment_intent.requires_action",
  "charge.captured",
  "charge.expired",
  "charge.refunded",
  "refund.created",
  "refund.updated",
  "refund.failed",
  "charge.dispute.created",
  "charge.dispute.updated",
  "charge.dispute.closed",
  "charge.dispute.funds_withdrawn",
  "charge.dispute.funds_reinstated",
] as const;

/** How many rows of a kind one sweep claims. The next minute's sweep claims the rest. */
export const SWEEP_BATCH = 100;
/** How many rows a sweep claims that is run over everything. */
export const EVERYTHING_LIMIT = 10_000;
/** Concurrent requests of a sweep: fast enough, and below Stripe's rate limit. */
export const SWEEP_CONCURRENCY = 8;
/** Orders that closeUnpaid closes concurrently. A Worker may have 6 open connections (https://developers.cloudflare.com/workers/platform/limits/). */
export const MAX_CLOSING_CONCURRENCY = 5;
/** How often a decision is repeated whose write was refused by the version check. Each time, another writer succeeded. */
export const MAX_ATTEMPTS = 12;

/** Stripe repeats a webhook for three days at most; operators look back further. */
export const STRIPE_EVENT_RETENTION_MS = 90 * 24 * 60 * 60 * 1_000;
