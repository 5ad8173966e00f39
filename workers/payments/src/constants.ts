// Limits and times of payments.

/** A webhook's signature is good for this long (Stripe's own default, https://docs.stripe.com/webhooks#replay-attacks). */
export const WEBHOOK_TOLERANCE_SECONDS = 300;
/** Stripe's events are a few KB; the API's limit for a body is taken for them too. */
export const MAX_WEBHOOK_BYTES = 256 * 1_024;
/** Told to whoever's event could not be stored; Stripe has a back-off of its own. */
export const WEBHOOK_RETRY_AFTER_SECONDS = 5;
export const WEBHOOK_PATH = "/api/webhooks/stripe";

/** How long Stripe is waited for, and how often the SDK asks again after a lost connection or a 5xx. */
export interface TimeoutPolicy {
  readonly timeoutMs: number;
  readonly retries: number;
}
/** Somebody waits: one try, well under the gateway's deadline of 10 s; what it left undone the sweeps finish. */
export const CALL_TIMEOUT_POLICY: TimeoutPolicy = { timeoutMs: 4_000, retries: 0 };
/** Webhooks, events and sweeps, where a repeated try costs nobody anything. */
export const BACKGROUND_TIMEOUT_POLICY: TimeoutPolicy = { timeoutMs: 8_000, retries: 1 };
/** A call asks Stripe several times, one after the other; this ends the wait for all of them before the gateway ends it. */
export const CALL_DEADLINE_MS = 8_000;
/** Pauses before Stripe is asked again for what another call holds for a moment. */
export const BUSY_RETRY_PAUSES_MS: readonly number[] = [200, 500];
/** The host of the sandbox's binding; it is resolved by nobody, the binding is the way. */
export const SANDBOX_HOST = "stripe.sandbox";

/** An open payment is asked for at Stripe after 1, 2, 4 … minutes: the net for webhooks that never came. */
export const FIRST_CHECK_MS = 60_000;
/** The back-off's end. Stripe's own retries last three days; asking four times a day costs nothing. */
export const MAX_CHECK_MS = 6 * 60 * 60 * 1_000;
/** An authorization lapses within days and changes hardly ever before capture. */
export const AUTHORIZED_CHECK_MS = MAX_CHECK_MS;
/** Where the back-off of an authorized payment starts: at its end. */
export const AUTHORIZED_ATTEMPTS = 9;
/** A dispute takes weeks; its webhooks may be lost like any other. */
export const DISPUTED_CHECK_MS = MAX_CHECK_MS;
/** A webhook stored and not processed by then has lost its process. */
export const WEBHOOK_RETRY_MS = 30_000;
/** A pending refund is taken to Stripe again after this, then with the same back-off as checks. */
export const REFUND_RETRY_MS = 60_000;

/** Refunds of a closed order that the buyer's bank may send back before no other is tried. */
export const MAX_SENT_BACK = 3;

/** How long orders may ask about a payment that it was told of, before it is told again; the pause doubles each time. */
export const REPUBLISH_AFTER_MS = 5 * 60 * 1_000;

/**
 * The admins are told this long before an authorization lapses: a working day
 * in which to ship, or to ask the buyer to pay anew.
 */
export const EXPIRY_NOTICE_MS = 24 * 60 * 60 * 1_000;
/**
 * How long an authorization is good for where Stripe does not say (`capture_before` is of cards only): the seven days of a card,
 * less a day (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method).
 */
export const DEFAULT_CAPTURE_WINDOW_MS = 6 * 24 * 60 * 60 * 1_000;

/** Stripe's list of events is compared with what its webhooks brought this often. */
export const COMPARE_EVENTS_EVERY_MS = 10 * 60_000;
/** Younger events may still be on their way. */
export const EVENT_GRACE_MS = 2 * 60_000;
/** Stripe counts in seconds and its lists may lag: what was compared last is compared once more. */
export const EVENT_OVERLAP_MS = 10 * 60_000;
/** The first comparison looks back this far. Stripe keeps its list for 30 days. */
export const FIRST_EVENTS_MS = 24 * 60 * 60 * 1_000;
/** One comparison's stretch of time, so that a backlog is caught up in pieces. */
export const EVENTS_SLICE_MS = 6 * 60 * 60 * 1_000;
/** Far above what happens in a slice; the SDK wants a bound. */
export const MAX_EVENTS_PER_SLICE = 10_000;
/** Declines of a payer and of a client network count for this long. */
export const DECLINE_WINDOW_MS = 60 * 60 * 1_000;
/** An order that is over by its declines frees its stock within seconds; a new order for the same goods should come after that. */
export const NEW_ORDER_AFTER_MS = 10_000;
/** Longer than any order waits for its payment. */
export const DECLINE_RETENTION_MS = 30 * 24 * 60 * 60 * 1_000;

/** What the endpoint has to be subscribed to at Stripe, and what the comparison asks for. */
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

/** How many rows of a kind one sweep takes; the rest has the next minute. */
export const SWEEP_BATCH = 100;
/** At once, so that a sweep neither crawls nor meets Stripe's rate limit. */
export const SWEEP_CONCURRENCY = 8;
/** Writes refused by the version check are decided anew this often; each loser has seen a winner. */
export const MAX_TRIES = 12;

/** Stripe repeats a webhook for three days at most; operators look back further. */
export const STRIPE_EVENT_RETENTION_MS = 90 * 24 * 60 * 60 * 1_000;
