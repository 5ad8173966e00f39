// Limits and times of payments.

/** A webhook's signature is good for this long (Stripe's own default, https://docs.stripe.com/webhooks#replay-attacks). */
export const WEBHOOK_TOLERANCE_SECONDS = 300;
/** Stripe's events are a few KB; the API's limit for a body is taken for them too. */
export const MAX_WEBHOOK_BYTES = 256 * 1_024;
/** Told to whoever's event could not be stored; Stripe has a back-off of its own. */
export const WEBHOOK_RETRY_AFTER_SECONDS = 5;
export const WEBHOOK_PATH = "/api/webhooks/stripe";

/** A buyer waits for these calls. */
export const STRIPE_TIMEOUT_MS = 10_000;
/** The SDK repeats a call under the same idempotency key after a lost connection, a conflict or a 5xx. */
export const STRIPE_RETRIES = 2;
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
/** A webhook stored and not processed by then has lost its process. */
export const WEBHOOK_RETRY_MS = 30_000;
/** A pending refund is taken to Stripe again after this, then with the same back-off as checks. */
export const REFUND_RETRY_MS = 60_000;

/** How long orders may ask about a payment that it was told of, before it is told again; the pause doubles each time. */
export const TELL_AGAIN_AFTER_MS = 5 * 60 * 1_000;

/** How many rows of a kind one sweep takes; the rest has the next minute. */
export const SWEEP_BATCH = 100;
/** At once, so that a sweep neither crawls nor meets Stripe's rate limit. */
export const SWEEP_CONCURRENCY = 8;
/** Writes refused by the version check are decided anew this often; each loser has seen a winner. */
export const MAX_TRIES = 12;

/** Stripe repeats a webhook for three days at most; operators look back further. */
export const STRIPE_EVENT_RETENTION_MS = 90 * 24 * 60 * 60 * 1_000;
