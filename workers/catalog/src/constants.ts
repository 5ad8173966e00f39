// Limits and durations of the catalog.

/** The age of a price that a cart only displays. Every cart must show a change within seconds. */
export const PRICE_CACHE_TTL_MS = 2_000;
/** Products in the cache, some 500 bytes each. */
export const PRICE_CACHE_MAX_ENTRIES = 2_000;

/** Words of a search; the rest of a longer text is ignored, because it would only cost time. */
export const MAX_SEARCH_WORDS = 16;

/** Entries of one facet, the most frequent first. */
export const MAX_FACET_ENTRIES = 100;

/** A page with its facets reads at most this many rows, in a shop of any size. The limits below add up to less. */
export const MAX_ROWS_READ = 5_000;
/**
 * Products that a search considers, the newest ones. Each costs two rows, and a third to rank it. A list by relevance ends with them:
 * ranks change with the products, so it is paged by position.
 */
export const MAX_CANDIDATES = 700;
/** Of those: products with the words of a common search in their name, which come before all others. */
export const NAME_CANDIDATES = 350;
/** Rows for the candidates of a search and for its facets that ignore a filter, whose products cost two rows each. */
export const SEARCH_ROWS = 2_900;
/** Rows read for a page where an index serves all filters, of all chosen values together. */
export const MERGED_ROWS = 1_300;
/** Where filters leave no more products than this to look at, all of them are sorted and counted. */
export const SMALL_LIST = 600;
/** Products read in the order of a list, of a price range, or for a facet, where there are more. Each may cost two rows. */
export const SCANNED_PRODUCTS = 350;
/** Rows read for a page of the feed of changes, or of the list of staff. */
export const SCANNED_ROWS = 800;
/** Kept counts read for one facet, of all chosen values. */
export const KEPT_COUNTS = 1_000;
/** Products looked through at each end of the prices for one in stock. */
export const PRICE_ENDS = 50;

/** A decoded picture has four bytes per pixel, so more than this would burden every shopper's device. */
export const MAX_IMAGE_PIXELS = 50_000_000;

/** A loose object is deleted after this. No upload takes as long, and cached pages that showed the picture have expired. */
export const LOOSE_OBJECT_TTL_MS = 60 * 60 * 1_000;
/** As many keys as R2 deletes in one call (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/). */
export const LOOSE_OBJECTS_PER_SWEEP = 1_000;
