// Limits and times of the notifications Worker, with their reasons.

export const MINUTE_MS = 60 * 1_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Held-back messages are deleted after this. Questions about a missing message come within a month. */
export const HELD_BACK_RETENTION_MS = 30 * DAY_MS;

/** By then every event still to come about the order says itself that its payment was authorized. */
export const PROVEN_ORDER_RETENTION_MS = 90 * DAY_MS;

/** The admins get at most one low-stock mail in this time. */
export const DIGEST_INTERVAL_MS = 15 * MINUTE_MS;

/** Products in one digest, a mail of some 100 KB. The next digest has the rest. */
export const DIGEST_PRODUCTS = 1_000;

/** How long a code proves a phone number. */
export const PHONE_CODE_TTL_MS = 10 * MINUTE_MS;

/** Five guesses out of a million per code. TEXTS_PER_DAY limits the codes. */
export const MAX_PHONE_CODE_TRIES = 5;

/** A sender's exclusive time for a notification, well above what a batch takes. The sweep takes over afterwards. */
export const SEND_LEASE_MS = 60_000;

/** A provider that has not answered by then counts as failed. */
export const SEND_TIMEOUT_MS = 10_000;

/** No send of a batch starts later than this, so that the last result is recorded within the lease. */
export const SEND_WINDOW_MS = 40_000;

/** Concurrent sends of one channel. Workers allow six connections that wait for a response; more would only queue. */
export const SEND_CONCURRENCY = 6;

/**
 * Attempts before a message fails. With pauses that double up to ten minutes they take about two hours: longer than most provider
 * outages. A message about an order that arrives later only confuses.
 */
export const MAX_SEND_ATTEMPTS = 20;

/** Rows that one sweep claims at a time of a channel: a queue batch. */
export const CLAIM_LIMIT = 50;

/** Rounds of claims in one sweep, so that a long backlog does not outlast the minute. */
export const MAX_CLAIM_ROUNDS = 20;

/** Lines that a message shows; it says how many more there are. With names at their longest, its texts stay below a row's 2 MB. */
export const MESSAGE_LINES = 100;

/** How long an isolate caches the templates, unless an INSERT shows that they have changed. */
export const TEMPLATE_CACHE_MS = 60_000;

/** Every template exists in this language. */
export const FALLBACK_LOCALE = "en";

/** Three or four parts, each of which costs money. Twilio allows 1,600. */
export const SMS_MAX_CHARACTERS = 480;

/** The template's own share; the rest is for its variables. */
export const SMS_TEMPLATE_MAX_CHARACTERS = 320;

/** A push service takes 4,096 bytes (RFC 8030, 7.2). This many characters and a title always fit. */
export const PUSH_MAX_CHARACTERS = 600;

/** Devices show a push's title on one line. */
export const PUSH_TITLE_MAX_CHARACTERS = 120;

/** Push services drop a push that a device has not fetched by then. */
export const PUSH_TTL_SECONDS = 24 * 60 * 60;

/** Lifetime of a VAPID token. RFC 8292, 2 allows at most 24 h. */
export const VAPID_TTL_MS = 12 * HOUR_MS;

/** Browsers of one user that get pushes. One more replaces the oldest. */
export const MAX_SUBSCRIPTIONS = 10;

/**
 * Mail errors that no retry can fix: the address is on the suppression list, or the message is not acceptable
 * (https://developers.cloudflare.com/email-service/api/send-emails/workers-api/).
 */
export const FINAL_SEND_ERRORS: readonly string[] = [
  "E_RECIPIENT_SUPPRESSED",
  "E_VALIDATION_ERROR",
  "E_CONTENT_TOO_LARGE",
];
