// Limits and durations of the accounts Worker, with their reasons.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Short, because an access token cannot be revoked: the gateway verifies its signature and reads no database. */
export const ACCESS_TOKEN_LIFE_SECONDS = 15 * 60;

/** A session that is refreshed at least once a month stays open. */
export const REFRESH_TOKEN_LIFE_MS = 30 * DAY_MS;

/** The absolute end of one sign-in, however often it is refreshed, so that a stolen session ends too. */
export const FAMILY_LIFE_MS = 90 * DAY_MS;

/**
 * scrypt with N = 2^14, r = 8, p = 5, from OWASP's password storage cheat sheet, takes some 200 ms and 16 MiB. SCRYPT_LOG2N sets N;
 * each step doubles both.
 */
export const SCRYPT_SHAPE = { r: 8, p: 5 } as const;
/** Less only where no other machine reaches the shop: see `scryptParameters` in service/passwords.ts. */
export const MIN_SCRYPT_LOG2N = 14;
/** 64 of the isolate's 128 MiB. */
export const MAX_SCRYPT_LOG2N = 16;
export const SALT_BYTES = 16;
export const HASH_BYTES = 32;

/**
 * Pause between two hashes with N = 2^14; it grows with N. It lets the isolate's thread answer the reads that arrived during the hash, a
 * few milliseconds each.
 */
export const HASH_REST_MS = 100;

/** Known networks and devices per user. A program that signs in without its device token adds a device each time. */
export const MAX_KNOWN_SOURCES = 30;

/** Attempts at a write that depends on a checked password, when concurrent sign-ins replace the hash in between. */
export const MAX_CREDENTIAL_ATTEMPTS = 3;

/** A program that signs in at each run has thousands of sessions; support needs only the latest. */
export const MAX_LISTED_SESSIONS = 100;

/** How long one key signs. */
export const KEY_SIGNS_FOR_MS = 30 * DAY_MS;

/** The next key is published this long before it signs: two runs of the daily cron, and longer than any verifier caches the key set. */
export const KEY_LEAD_MS = 2 * DAY_MS;

/** A key stays published this long after its last signature: longer than an access token's life plus KEY_CACHE_MS. */
export const KEY_KEEP_MS = HOUR_MS;

/** How long an isolate caches the signing key, so also how long it signs with a key whose row an operator deleted. */
export const KEY_CACHE_MS = 10 * MINUTE_MS;

/** A reset is requested and used in one sitting; a new address is verified when its owner next reads mail. */
export const MAIL_TOKEN_LIFE_MS = { password_reset: 30 * MINUTE_MS, email_verification: DAY_MS } as const;

/** Valid tokens per user and purpose, so that nobody can flood another person's mailbox. */
export const MAX_LIVE_MAIL_TOKENS = 5;
