// Limits and times of carts and orders.

/**
 * How long an attempt to order a cart may still succeed. Longer than any attempt can take: it starts its commit within
 * ORDER_COMMIT_DEADLINE_MS, and D1 ends a batch after 30 s.
 */
export const CHECKOUT_LEASE_MS = 120_000;

/** An attempt that has not begun its commit by then fails: its hold expires after 120 s. */
export const ORDER_COMMIT_DEADLINE_MS = 60_000;

/** How long a returned hold is remembered: longer than any attempt that shares it can take. */
export const RETURNED_HOLD_MS = 5 * CHECKOUT_LEASE_MS;

/** How long a guest's token opens their order: until returns and disputes are usually over. */
export const ACCESS_TOKEN_TTL_MS = 90 * 24 * 60 * 60 * 1_000;

/** How often a write that lost a race is decided again; each loss means that another write succeeded. */
export const MAX_STALE_RETRIES = 5;

/** The same for refunds of one order, which have to be decided one after the other. */
export const MAX_REFUND_RETRIES = 30;

/** How long stock and money may lag behind an order before its last event is republished. */
export const UNSETTLED_AFTER_MS = 5 * 60 * 1_000;

/** Older orders are not reconciled with their payments: Stripe's authorizations have ended long before. */
export const RECONCILE_SPAN_MS = 30 * 24 * 60 * 60 * 1_000;

/** Into how many slices that span is cut. Each minute reconciles orders of one. */
export const RECONCILE_SLICES = 60;

/** How many orders one sweep reconciles: each is a call to payments. */
export const RECONCILE_BATCH = 20;

/** How many "everything" reconciles. */
export const RECONCILE_EVERYTHING = 1_000;

/** The pause before the second attempt at a refund: well after any call of the first has ended. */
export const REFUND_RETRY_MS = 60 * 1_000;

/** The longest pause between two attempts at a refund. */
export const REFUND_RETRY_MAX_MS = 60 * 60 * 1_000;

/** From this attempt on, about half an hour after the first, an open refund is a finding for operators. */
export const REFUND_REPORT_AFTER_TRIES = 5;

/** How many rows one sweep takes, well within the 30 s that cron work gets; the next minute takes the rest. */
export const SWEEP_BATCH = 100;

/** How many orders or carts a sweep works on at a time: each waits for a peer or an object, not for this Worker. */
export const SWEEP_CONCURRENCY = 10;

/**
 * A payment method that was tried in time still extends the window when payments reports it this long after the window's end: Stripe's
 * webhook takes a while, and within a minute the sweep asks payments itself.
 */
export const LATE_REPORT_MS = 60_000;

/** How many due orders one sweep of unpaid ones reads: more than it can cancel in its time. */
export const UNPAID_BATCH = 1_000;
/** How many rows "everything" takes; a shop on one machine does not have more open. */
export const EVERYTHING_LIMIT = 10_000;
/** A sweep begins no batch of unpaid orders after this, so that the other sweeps run within the minute. */
export const UNPAID_SWEEP_MS = 25_000;

/** A merge that its request has not finished by then is finished by the guest's cart. Longer than the gateway waits for an answer. */
export const MERGE_RETRY_MS = 30_000;

/** The pause before sockets are notified again after the catalog did not answer. */
export const PUSH_RETRY_MS = 5_000;

/** Orders that a text finds by number, e-mail or addressee and that are sorted as a whole. */
export const SORTED_MATCHES = 500;
