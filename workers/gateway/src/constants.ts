// Limits and times of the gateway.

/** The largest JSON body: a refund that names each of 1,000 lines twice is 190 KiB, indented 300. */
export const MAX_BODY_BYTES = 512 * 1024;

/** How much longer than its file a form may be: boundaries, part headers and short texts. */
export const MAX_FORM_OVERHEAD_BYTES = 16 * 1024;

/** A call of another Worker fails after this. Stripe, the slowest dependency, is tried twice within it. */
export const PEER_DEADLINE_MS = 10_000;

/**
 * For an order of more than 100 lines, or of a cart, whose lines the gateway does not know. A product costs a few milliseconds, and some
 * 12 ms where one process makes its object first, as locally.
 */
export const LARGE_ORDER_DEADLINE_MS = 30_000;
/** An order of no more lines is held in one step. */
export const SMALL_ORDER_LINES = 100;

/** For a call that hashes a password: accounts queues it HASH_QUEUE_WAIT_SECONDS for each of at most two hashes. */
export const HASHING_DEADLINE_MS = 70_000;

/** How long an answer of several parts waits for each part; health and metrics too. */
export const PART_DEADLINE_MS = 800;

/** How far the clocks of two Workers may differ when a token's expiry is checked. */
export const CLOCK_TOLERANCE_SECONDS = 5;
/** A signing key that accounts has withdrawn is refused after this. */
export const JWKS_MAX_AGE_MS = 10 * 60_000;
/** A token with an unknown key makes the gateway read the keys again, but not more often than this. */
export const JWKS_MIN_REFETCH_MS = 5_000;
/** Verified tokens that the isolate remembers until they expire; some 2 KB each. */
export const MAX_VERIFIED_TOKENS = 2_000;

/** Public catalog answers are served from the isolate for this long. */
export const ISOLATE_CACHE_MS = 2_000;
/** Public catalog answers are served from the Cache API for this long. Age counts from when the answer was made. */
export const SHARED_CACHE_SECONDS = 5;
/** While one request refreshes an answer of the isolate, the others get the old one for at most this long. */
export const REFRESH_GRACE_MS = 500;
/** An eighth of an isolate's 128 MB. */
export const MAX_ISOLATE_CACHE_BYTES = 16 * 1024 * 1024;
/** URLs whose cache key is remembered. Cloudflare passes on no URL over 16 KB. */
export const MAX_REMEMBERED_KEYS = 500;
/** A picture stays in the Cache API for a day. Browsers keep it as immutable. */
export const IMAGE_CACHE_SECONDS = 86_400;

/** Chrome caps the age of a preflight at two hours. */
export const PREFLIGHT_MAX_AGE_SECONDS = 7_200;
