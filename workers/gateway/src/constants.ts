// Limits and times of the public door.

/** A JSON body may be this long (api.md); the largest order of 100 lines is under 10 KiB. */
export const MAX_BODY_BYTES = 256 * 1024;

/** What a form may add to its file: boundaries, part headers and a few words. */
export const MAX_FORM_OVERHEAD_BYTES = 16 * 1024;

/** A call of another Worker that takes longer is given up; Stripe, the slowest thing behind one, is tried twice within it. */
export const PEER_DEADLINE_MS = 10_000;

/** A call that hashes waits for its turn in accounts, HASH_QUEUE_WAIT_SECONDS for each of at most two hashes, and works then. */
export const HASHING_DEADLINE_MS = 70_000;

/** How long an answer that is made of several parts waits for each; health and metrics too. */
export const PART_DEADLINE_MS = 800;

/** Clocks of two Workers may differ by this much when a token's expiry is judged. */
export const CLOCK_TOLERANCE_SECONDS = 5;
/** A key that accounts has withdrawn is unknown here after this long. */
export const JWKS_MAX_AGE_MS = 10 * 60_000;
/** A token with an unknown key makes the gateway ask accounts again, but not more often than this. */
export const JWKS_MIN_REFETCH_MS = 5_000;
/** Tokens whose signature was checked and need not be again before they expire; some 2 KB each. */
export const MAX_VERIFIED_TOKENS = 2_000;

/** Public catalog answers stay in the isolate this long … */
export const ISOLATE_CACHE_MS = 2_000;
/** … and in the Cache API this long. Nothing public is older: the isolate's copy counts its age from when it was made. */
export const SHARED_CACHE_SECONDS = 5;
/** While one request refreshes an answer of the isolate, the others get the old one for at most this long. */
export const REFRESH_GRACE_MS = 500;
/** An eighth of an isolate's 128 MB. */
export const MAX_ISOLATE_CACHE_BYTES = 16 * 1024 * 1024;
/** URLs whose cache key is remembered; of at most 16 KB each, as no longer one reaches a Worker. */
export const MAX_REMEMBERED_KEYS = 500;
/** A drawn image is kept where it was asked for, for a day; browsers keep it for ever. */
export const IMAGE_CACHE_SECONDS = 86_400;

/** Browsers cap what a preflight may be remembered for; Chrome at two hours. */
export const PREFLIGHT_MAX_AGE_SECONDS = 7_200;
