// Limits and times of the accounts Worker, with their reasons.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Access tokens cannot be taken back, so they end soon; the gateway asks nobody while one lives. */
export const ACCESS_TOKEN_LIFE_SECONDS = 15 * 60;

/** A person who comes back within a month stays signed in: each refresh begins the month anew. */
export const REFRESH_TOKEN_LIFE_MS = 30 * DAY_MS;

/** The absolute end of one sign-in, however often it is refreshed: a stolen session is not for ever. */
export const FAMILY_LIFE_MS = 90 * DAY_MS;

/**
 * scrypt with N = 2^14, r = 8, p = 5, as OWASP's password storage cheat sheet lists it: 16 MiB, which an isolate of 128 MiB can
 * give, and some 200 ms. Hashes made with other numbers are made anew at the next sign-in.
 */
export const SCRYPT_PARAMETERS = { log2N: 14, r: 8, p: 5 } as const;
export const SALT_BYTES = 16;
export const HASH_BYTES = 32;

/**
 * How long the isolate's thread is free for other work between two hashes. A read takes a few milliseconds of it; what comes during a
 * hash is answered in the rest behind it, at the latest in the next one.
 */
export const HASH_REST_MS = 100;

/** Networks and devices that are remembered of one user; a program that signs in anew each time makes one device each time. */
export const MAX_KNOWN_SOURCES = 30;

/** A password that changes between its check and the write (another sign-in hashes it anew) is checked again this often. */
export const MAX_CREDENTIAL_ATTEMPTS = 3;

/** How often a change of a role is decided anew when somebody else's came first. Each time, one of them gets ahead. */
export const MAX_ROLE_ATTEMPTS = 5;

/** A program that signs in at each run has thousands of sessions; a desk looks at the latest. */
export const MAX_LISTED_SESSIONS = 100;

/** A signing key signs for a month. */
export const KEY_SIGNS_FOR_MS = 30 * DAY_MS;

/**
 * The next key is published this long before it signs: longer than any verifier
 * caches the key set, and two runs of the daily cron.
 */
export const KEY_LEAD_MS = 2 * DAY_MS;

/** A key stays published this long after its last signature: longer than an access token lives and KEY_CACHE_MS together. */
export const KEY_KEEP_MS = HOUR_MS;

/**
 * How long a token in a mail is good: a reset is asked for and used in one sitting; a
 * new account is confirmed when its owner next reads mail.
 */
export const MAIL_TOKEN_LIFE_MS = { password_reset: 30 * MINUTE_MS, email_verification: DAY_MS } as const;

/** Good tokens of one user and purpose at a time: nobody's mailbox can be filled by asking for them. */
export const MAX_LIVE_MAIL_TOKENS = 5;

/** How long an isolate signs with the key it has read; also how long a key lives on that an operator deletes. */
export const KEY_CACHE_MS = 10 * MINUTE_MS;
