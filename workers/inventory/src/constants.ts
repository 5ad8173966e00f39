// Times and limits of the inventory Worker.

/** The name of the Worker in events and logs. */
export const WORKER = "inventory";

/** How long a hold lasts for an order that is being made: pricing and one D1 batch, with room for a slow try again. */
export const HOLD_TTL_MS = 120_000;

/** How long a change waits for others before it flows to D1. With the flush itself it stays under the second that is promised. */
export const FLUSH_DELAY_MS = 600;

/** A flush that died or failed is tried again after this, doubling up to the longest pause. */
export const FLUSH_RETRY_MS = 2_000;
export const MAX_FLUSH_RETRY_MS = 60_000;

/**
 * Changes of one flush; what is left follows in the next. Each brings a row or two of some 300
 * bytes, so that even after a long outage no parameter comes near D1's 2 MB.
 */
export const FLUSH_CHANGES = 500;

/** Released and consumed reservations and adjustment keys are remembered this long, against late copies of events and calls. */
export const RETENTION_MS = 30 * 24 * 60 * 60 * 1_000;

/** How often an object looks for rows past their retention. */
export const PURGE_INTERVAL_MS = 24 * 60 * 60 * 1_000;

/** Tries after the first when lines are short only because of other owners' holds, which may be given back at once. */
export const HOLD_RETRIES = 2;

/** The longest random pause before such a try: a multi-line order holds and gives back within some 10 ms. */
export const HOLD_RETRY_PAUSE_MS = 40;

/** A manual reservation still pending after this was left by a crash: reserving takes milliseconds. */
export const PENDING_STALE_MS = 60_000;

/** An adjustment that claimed its key this recently may still be on its way to the object. */
export const ADJUSTMENT_IN_PROGRESS_MS = 30_000;

/** Products whose copies in D1 one sweep compares with their objects, those longest not compared first: 6,000 an hour. */
export const RECONCILE_LIMIT = 100;

/** How often an object that is being changed is looked at again before the next sweep has its turn. */
export const RECONCILE_TRIES = 3;

/** A flush, or a hold's end, that is this late was lost: both come within a second, or a minute where D1 is down. */
export const LOST_AFTER_MS = 2 * 60 * 1_000;

/** Settled reservations this close to their purge may be gone on one side only, and are not compared. */
export const PURGE_MARGIN_MS = 60 * 60 * 1_000;

/** Object calls that a sweep has under way at once. */
export const SWEEP_CONCURRENCY = 20;

/** Products that one sweep gives the shop's new threshold, after LOW_STOCK_THRESHOLD was changed. */
export const THRESHOLD_UPDATES = 5_000;
