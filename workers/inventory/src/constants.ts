// Times and limits of the inventory Worker.

/** The name of the Worker in events and logs. */
export const WORKER = "inventory";

/** How long an order's hold lasts: enough to price the order and commit it, with room for a slow retry. */
export const HOLD_TTL_MS = 120_000;

/** How long a change waits for others before they go to D1 together. With the flush it stays below the promised second. */
export const FLUSH_DELAY_MS = 600;

/** A failed flush is retried after this, doubling up to the maximum. */
export const FLUSH_RETRY_MS = 2_000;
export const MAX_FLUSH_RETRY_MS = 60_000;

/**
 * Changes of one flush; the rest follows in the next. Each brings a row or two of some 300 bytes, so even after a long outage
 * every parameter stays far below D1's 2 MB.
 */
export const FLUSH_CHANGES = 500;

/** How long finished reservations and adjustment keys are remembered, for late copies of events and calls. */
export const RETENTION_MS = 30 * 24 * 60 * 60 * 1_000;

/** How often an object looks for rows past their retention. */
export const PURGE_INTERVAL_MS = 24 * 60 * 60 * 1_000;

/** Lines that a hold takes at a time: an order of no more is held in one step, one of 1,000 in ten. */
export const HOLD_CHUNK = 100;

/** A hold that has not finished by then is given up, so that it ends well within ORDER_COMMIT_DEADLINE_MS of orders. */
export const HOLD_DEADLINE_MS = 50_000;

/** Object calls that one order's event makes at the same time. */
export const STOCK_CONCURRENCY = 100;

/**
 * Lines that one invocation of the consumer works on. Each costs at most four subrequests (reserve, describe, reserve again, release),
 * and an invocation has 10,000 (https://developers.cloudflare.com/workers/platform/limits/#subrequests).
 */
export const CONSUMER_LINES = 2_000;

/** Retries of a hold whose lines are short only because of other owners' holds, which may end in a moment. */
export const HOLD_RETRIES = 2;

/** The longest random pause before such a retry: an order of several lines holds and gives back within some 10 ms. */
export const HOLD_RETRY_PAUSE_MS = 40;

/** A manual reservation still pending after this was left behind by a crash: reserving takes milliseconds. */
export const PENDING_STALE_MS = 60_000;

/** An adjustment that claimed its key less than this ago may still be running. */
export const ADJUSTMENT_IN_PROGRESS_MS = 30_000;

/** Products that one sweep compares with D1, those compared longest ago first: 6,000 an hour. */
export const RECONCILE_LIMIT = 100;

/** How long a product is left alone after its comparison. In a shop that rests, each comparison costs two rows and wakes an object. */
export const RECONCILE_PAUSE_MS = 60 * 60 * 1_000;

/** How often a comparison is repeated when the object changed during it. After that the next sweep tries again. */
export const RECONCILE_TRIES = 3;

/** A flush or the end of a hold that is this late was lost: both come within a second, or a minute while D1 is down. */
export const LOST_AFTER_MS = 2 * 60 * 1_000;

/** Finished reservations this close to their purge may be gone on one side only, and are not compared. */
export const PURGE_MARGIN_MS = 60 * 60 * 1_000;

/** Object calls that a sweep runs at the same time. */
export const SWEEP_CONCURRENCY = 20;

/** Products that one sweep gives the new default after LOW_STOCK_THRESHOLD was changed. */
export const THRESHOLD_UPDATES = 5_000;
