// Limits and times of the notifications Worker, with their reasons.

export const HOUR_MS = 60 * 60 * 1_000;
export const DAY_MS = 24 * HOUR_MS;

/** What a ceiling held back is dropped after this: whoever asks why a message did not come does so within the month. */
export const HELD_BACK_RETENTION_MS = 30 * DAY_MS;

/** Events about an order that come later than this say themselves that its money was there. */
export const PROVEN_ORDER_RETENTION_MS = 90 * DAY_MS;

/** The admins get one mail on low stock in this time. */
export const DIGEST_INTERVAL_MS = 15 * 60 * 1_000;

/** Products in one digest; with names of usual length a mail of some 100 KB. The rest is in the next. */
export const DIGEST_PRODUCTS = 1_000;

export const MINUTE_MS = 60 * 1_000;

/** How long a code proves a phone number. */
export const PHONE_CODE_TTL_MS = 10 * MINUTE_MS;

/** Five guesses of a million; then a new code is needed, of which there are as many as texts a day. */
export const MAX_PHONE_CODE_TRIES = 5;

/** How long a sender has a notification for itself: well above what a batch takes. After a crash the sweep takes over then. */
export const SEND_LEASE_MS = 60_000;

/** A provider that does not answer counts as one that refused. */
export const SEND_TIMEOUT_MS = 10_000;

/** No send begins later than this after its batch: so the last one ends, and its mark is written, inside the lease. */
export const SEND_WINDOW_MS = 40_000;

/** Sends of one channel at once: an invocation may wait for six answers from outside at a time, the rest would only queue. */
export const SEND_CONCURRENCY = 6;

/**
 * Tries until a message is given up. With pauses that double up to ten minutes they reach over some two hours: longer than a
 * provider's usual trouble, and a message about an order that comes later than that only confuses.
 */
export const MAX_SEND_ATTEMPTS = 20;

/** What one sweep claims at a time of a channel: a queue batch's worth. */
export const CLAIM_LIMIT = 50;

/** Rounds of claims in one sweep, so that a long backlog does not outlast the minute to the next. */
export const MAX_CLAIM_ROUNDS = 20;

/** Templates change seldom; an isolate reads them again after this, or when a message shows that they have changed. */
export const TEMPLATE_CACHE_MS = 60_000;

/** The language that every template exists in. */
export const FALLBACK_LOCALE = "en";

/** Three or four parts of a text message, each of which is paid. Twilio takes 1,600. */
export const SMS_MAX_CHARACTERS = 480;

/** A template's own part of them: the rest is for what its variables bring. */
export const SMS_TEMPLATE_MAX_CHARACTERS = 320;

/** A push service takes 4,096 bytes (RFC 8030, 7.2); this many characters and a title stay below, whatever they are. */
export const PUSH_MAX_CHARACTERS = 600;

/** The title of a push, which devices show in one line. */
export const PUSH_TITLE_MAX_CHARACTERS = 120;

/** Push services drop what a device has not fetched by then: news of an order is old after a day. */
export const PUSH_TTL_SECONDS = 24 * 60 * 60;

/** A VAPID token's life; 24 h is the most that RFC 8292, 2 allows. */
export const VAPID_TTL_MS = 12 * 60 * 60 * 1_000;

/** Browsers that a user is pushed to; the oldest goes when one more comes. */
export const MAX_SUBSCRIPTIONS = 10;

/**
 * Refusals that no later try can mend
 * (https://developers.cloudflare.com/email-service/api/send-emails/workers-api/): the address is on the suppression list, or
 * the message itself is not acceptable.
 */
export const FINAL_SEND_ERRORS: readonly string[] = [
  "E_RECIPIENT_SUPPRESSED",
  "E_VALIDATION_ERROR",
  "E_CONTENT_TOO_LARGE",
];
