// Turns a search text into an FTS5 query. Every word becomes a quoted string, so none is syntax
// (https://sqlite.org/fts5.html#fts5_strings). All words must occur; the last one may be a prefix.
import { MAX_SEARCH_WORDS } from "../constants.ts";

/** A search for everything, for nothing (the text has no word), or for the matches of an FTS5 expression. */
export type Search =
  | { readonly kind: "all" }
  | { readonly kind: "nothing" }
  | { readonly kind: "match"; readonly expression: string };

// Characters that the index's tokenizer reads as parts of words (https://sqlite.org/fts5.html#unicode61_tokenizer), and marks,
// which it joins with the letter before them.
const SEPARATORS = /[^\p{L}\p{N}\p{Co}\p{M}]+/gu;
const WORD_CHARACTER = /[\p{L}\p{N}\p{Co}]/u;

/** `SAF-GLV-0012` becomes one phrase, whose parts must be adjacent. */
function phrases(text: string): string[] {
  return text
    .split(/\s+/u)
    .map((word) => word.replaceAll(SEPARATORS, " ").trim())
    .filter((word) => WORD_CHARACTER.test(word));
}

/** Parses a search text. Punctuation alone finds nothing rather than everything. */
export function parseSearch(text: string | undefined): Search {
  if (text === undefined || text.trim() === "") return { kind: "all" };
  const words = phrases(text.normalize("NFC")).slice(0, MAX_SEARCH_WORDS);
  if (words.length === 0) return { kind: "nothing" };
  return { kind: "match", expression: `${words.map((word) => `"${word}"`).join(" ")}*` };
}

const WORD_COLUMNS = "{name sku description brand category}";

/** The word that stands for an id in the index's column `filters`: the digit at the end keeps the stemmer off it. */
function filterWord(id: string): string {
  return `${id.replaceAll("_", "")}9`;
}

/** The expression that narrows the matches of words to the products of a vendor and those of a status. */
export function narrowed(
  expression: string,
  { vendor, status }: { readonly vendor?: string | undefined; readonly status?: string | undefined },
  { inNameOnly = false }: { readonly inNameOnly?: boolean } = {},
): string {
  const filters = [vendor, status === undefined ? undefined : `status${status}`].filter((id) => id !== undefined);
  const words = filters.map((id) => `filters : ("${filterWord(id)}")`);
  return [`${inNameOnly ? "name" : WORD_COLUMNS} : (${expression})`, ...words].join(" AND ");
}
