// Limits and times of the catalog.

/** How old a price may be that a cart only shows: a change must reach every cart within seconds. */
export const RECENT_TTL_MS = 2_000;

/** Products kept at once, of some 500 bytes each. */
export const RECENT_MAX_ENTRIES = 2_000;

/** How far a list by relevance goes: ranks move when products change, so it is paged by place, and nobody reads further. */
export const RELEVANCE_DEPTH = 1_000;

/** Words of a search that count; the rest of a longer text only costs time. */
export const MAX_SEARCH_WORDS = 16;

/** Entries of one facet, the most frequent first. */
export const MAX_FACET_ENTRIES = 100;

/** How often a change is decided anew when somebody else's came first. Each time, one of them gets ahead. */
export const MAX_WRITE_ATTEMPTS = 5;

/** A picture decoded is four bytes a pixel: more than this is a burden on every shopper's device. */
export const MAX_IMAGE_PIXELS = 50_000_000;

/** An object that no picture points to is deleted after this: no upload takes as long, and pages that showed it are gone. */
export const LOOSE_OBJECT_TTL_MS = 60 * 60 * 1_000;
/** As many keys as R2 deletes in one call (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/). */
export const LOOSE_OBJECTS_PER_SWEEP = 1_000;
