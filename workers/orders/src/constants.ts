// Limits and times of carts and orders.

/**
 * How long one attempt to order a cart counts as being on its way. Longer than any attempt can take: it starts its commit within
 * ORDER_COMMIT_DEADLINE_MS, and D1 ends a batch after 30 s.
 */
export const CHECKOUT_LEASE_MS = 120_000;

/** An attempt that has not begun its commit by then gives up: the stock it holds is only its own for 120 s. */
export const ORDER_COMMIT_DEADLINE_MS = 60_000;

/** A hold that was given back is remembered for longer than any attempt that shares it can take. */
export const RETURNED_HOLD_MS = 5 * CHECKOUT_LEASE_MS;

/** A guest's token opens their order this long: until returns and disputes are usually over. */
export const ACCESS_TOKEN_TTL_MS = 90 * 24 * 60 * 60 * 1_000;

/** How often a write that lost a race is decided again; each loss means that another write came through. */
export const MAX_STALE_RETRIES = 5;

/** The same for refunds of one order, of which each has to be decided after the other. */
export const MAX_REFUND_RETRIES = 30;

/** Order numbers are random, so a second draw is as good as never needed. */
export const MAX_NUMBER_DRAWS = 3;

/** How long stock and money may lag behind an order before its last event is published anew. */
export const UNSETTLED_AFTER_MS = 5 * 60 * 1_000;

/** Orders older than this are not compared with their payments any more: Stripe has long let go of an authorization by then. */
export const RECONCILE_SPAN_MS = 30 * 24 * 60 * 60 * 1_000;

/** In how many minutes each open order comes round to be compared. */
export const RECONCILE_SLICES = 60;

/** How many orders one sweep compares: each is a call of payments. */
export const RECONCILE_BATCH = 20;

/** What "everything" compares at once. */
export const RECONCILE_EVERYTHING = 1_000;

/** When a refund that payments gave no answer for is tried again, at first: well after any call of it has ended. */
export const REFUND_RETRY_MS = 60 * 1_000;

/** The longest pause between two tries of a refund. */
export const REFUND_RETRY_MAX_MS = 60 * 60 * 1_000;

/** From this try on, some half an hour after the first, an open refund is an operator's to look at. */
export const REFUND_REPORT_AFTER_TRIES = 5;

/** What one sweep takes on, well within the 30 s that cron work gets; the next minute takes the rest. */
export const SWEEP_BATCH = 100;

/**
 * A payment method that was tried in time gives its order the whole window when payments tells of it at most this long after the
 * shorter one: Stripe's webhook takes a while, and within a minute the sweep asks by itself.
 */
export const LATE_REPORT_MS = 60_000;

/** How many due orders one sweep of unpaid ones takes on: more than it can end in its time. */
export const UNPAID_BATCH = 1_000;
/** What "everything" takes at once; a shop on one machine does not have more open. */
export const EVERYTHING_LIMIT = 10_000;
/** A sweep begins no batch of unpaid orders after this, so that the other sweeps have their turn within the minute. */
export const UNPAID_SWEEP_MS = 25_000;

/**
 * A merge that its request has not finished by then is finished by the guest's cart
 * itself. Longer than the gateway waits for an answer.
 */
export const MERGE_RETRY_MS = 30_000;

/** When sockets could not be told of a change, because the catalog did not answer, they are told this much later. */
export const PUSH_RETRY_MS = 5_000;
