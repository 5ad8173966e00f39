// Limits and times of the notifications Worker, with their reasons.

/** How long a sender has a notification for itself: well above what a batch of mails takes. After a crash the sweep takes over then. */
export const SEND_LEASE_MS = 60_000;

/** A provider that does not answer counts as one that refused: well inside the lease, so that the mark is written in time. */
export const SEND_TIMEOUT_MS = 20_000;

/**
 * Tries until a mail is given up. With pauses that double up to ten minutes they reach over some two hours: longer than a
 * provider's usual trouble, and a mail about an order that comes later than that only confuses.
 */
export const MAX_SEND_ATTEMPTS = 20;

/** What one sweep claims at a time: a queue batch's worth. */
export const CLAIM_LIMIT = 50;

/** Rounds of claims in one sweep, so that a long backlog does not outlast the minute to the next. */
export const MAX_CLAIM_ROUNDS = 20;

/** Templates change seldom; an isolate reads them again after this. */
export const TEMPLATE_CACHE_MS = 60_000;

/** The language that every template exists in. */
export const FALLBACK_LOCALE = "en";

/** The minute of the day (UTC) in which the sweep that runs each minute also purges: 03:17, when few buy. */
export const PURGE_MINUTE_OF_DAY = 3 * 60 + 17;

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
