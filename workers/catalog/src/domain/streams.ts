// Several sorted streams of products, each read to a limit, merged into one page. A page shows nothing behind the place where the first
// stream was cut, so that no product is skipped: it may be short and still have a next page.

/** The value that a list is sorted by. */
export type SortValue = string | number;

/** A product as a list reads it before it knows whether to show it. */
export interface Entry {
  readonly searchId: number;
  readonly id: string;
  readonly value: SortValue;
  /** Whether the product passes the filters that the stream's index does not serve. */
  readonly matches: boolean;
}

export interface Stream {
  readonly entries: readonly Entry[];
  /** Whether entries follow that were not read. */
  readonly more: boolean;
}

export interface MergedPage {
  readonly entries: readonly Entry[];
  /** The entry to continue after. Undefined at the end of the list. */
  readonly last: Entry | undefined;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Compares code points, as SQLite compares UTF-8. Text of JavaScript compares units of UTF-16. */
function compareCodePoints(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  const at = left.findIndex((character, index) => character !== right[index]);
  if (at === -1) return left.length - right.length;
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1);
}

function foldCase(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Numbers by size, text as SQLite's NOCASE: without the case of A to Z. */
function compareValues(a: SortValue, b: SortValue): number {
  return typeof a === "number" && typeof b === "number"
    ? a - b
    : compareCodePoints(foldCase(String(a)), foldCase(String(b)));
}

type Placed = Pick<Entry, "id" | "value">;

/** The order of a list: by value, then by id, both in the same direction. */
export function comparison({ descending }: { readonly descending: boolean }): (a: Placed, b: Placed) => number {
  const sign = descending ? -1 : 1;
  return (a, b) => sign * (compareValues(a.value, b.value) || compareText(a.id, b.id));
}

/** Merges streams that are sorted as `comparison` says. */
export function mergeStreams(
  streams: readonly Stream[],
  { limit, descending }: { readonly limit: number; readonly descending: boolean },
): MergedPage {
  const compare = comparison({ descending });
  const [cut] = streams.flatMap(({ entries, more }) => (more ? entries.slice(-1) : [])).toSorted(compare);
  const known = streams
    .flatMap(({ entries }) => entries)
    .filter((entry) => cut === undefined || compare(entry, cut) <= 0)
    .toSorted(compare);
  const matching = known.filter(({ matches }) => matches);
  if (matching.length <= limit) return { entries: matching, last: cut };
  const entries = matching.slice(0, limit);
  return { entries, last: entries.at(-1) };
}
