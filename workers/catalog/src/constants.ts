// Limits and times of the catalog.

/** How old an answer of the isolate's own memory may be: changes must reach every list within seconds. */
export const RECENT_TTL_MS = 2_000;

/** Answers kept at once. A page of 100 products is some 70 KB, so this stays far below an isolate's 128 MB. */
export const RECENT_MAX_ENTRIES = 256;

/** How far a list by relevance goes: ranks move when products change, so it is paged by place, and nobody reads further. */
export const RELEVANCE_DEPTH = 1_000;

/** Words of a search that count; the rest of a longer text only costs time. */
export const MAX_SEARCH_WORDS = 16;

/** Entries of one facet, the most frequent first. */
export const MAX_FACET_ENTRIES = 100;
