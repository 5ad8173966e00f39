// Limits and durations of the catalog.

/** The age of a price that a cart only displays. Every cart must show a change within seconds. */
export const PRICE_CACHE_TTL_MS = 2_000;
/** Products in the cache, some 500 bytes each. */
export const PRICE_CACHE_MAX_ENTRIES = 2_000;

/** The last position of a list by relevance. Ranks change with the products, so it is paged by position, and nobody reads further. */
export const RELEVANCE_DEPTH = 1_000;

/** Words of a search; the rest of a longer text is ignored, because it would only cost time. */
export const MAX_SEARCH_WORDS = 16;

/** Entries of one facet, the most frequent first. */
export const MAX_FACET_ENTRIES = 100;

/** A decoded picture has four bytes per pixel, so more than this would burden every shopper's device. */
export const MAX_IMAGE_PIXELS = 50_000_000;

/** A loose object is deleted after this. No upload takes as long, and cached pages that showed the picture have expired. */
export const LOOSE_OBJECT_TTL_MS = 60 * 60 * 1_000;
/** As many keys as R2 deletes in one call (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/). */
export const LOOSE_OBJECTS_PER_SWEEP = 1_000;
