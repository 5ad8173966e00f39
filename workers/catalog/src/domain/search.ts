// What a shopper types, as an FTS5 query. Every word becomes a quoted string, so nothing in it is syntax
// (https://sqlite.org/fts5.html#fts5_strings); all words must occur, and the last may be the beginning of one.
import { MAX_SEARCH_WORDS } from "../constants.ts";

/** A search for everything, for nothing (there was text, but no word in it), or for what the expression matches. */
export type Search =
  | { readonly kind: "all" }
  | { readonly kind: "nothing" }
  | { readonly kind: "match"; readonly expression: string };

// What the index's tokenizer takes for a part of a word (https://sqlite.org/fts5.html#unicode61_tokenizer), and marks, which
// it folds into the letter before them.
const SEPARATORS = /[^\p{L}\p{N}\p{Co}\p{M}]+/gu;
const WORD_CHARACTER = /[\p{L}\p{N}\p{Co}]/u;

/** `SAF-GLV-0012` is one word here: its parts must follow one another. */
function phrases(text: string): string[] {
  return text
    .split(/\s+/u)
    .map((word) => word.replaceAll(SEPARATORS, " ").trim())
    .filter((word) => WORD_CHARACTER.test(word));
}

/** Turns any text into a search. Text of punctuation alone finds nothing rather than everything. */
export function parseSearch(text: string | undefined): Search {
  if (text === undefined || text.trim() === "") return { kind: "all" };
  const words = phrases(text.normalize("NFC")).slice(0, MAX_SEARCH_WORDS);
  if (words.length === 0) return { kind: "nothing" };
  return { kind: "match", expression: `${words.map((word) => `"${word}"`).join(" ")}*` };
}
