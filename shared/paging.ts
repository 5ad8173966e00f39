// Keyset paging: a cursor is the sort key and id of the last row, bound to the sort and filters it was made under. A digest over
// all of it tells an altered one; it is no secret, because any place in a list is the reader's to ask for.
import { z } from "zod";
import { base64urlDecode, base64urlEncode } from "./base64url.ts";
import { sha256Hex, canonicalJson } from "./hash.ts";
import { fail } from "./errors.ts";
import type { Outcome } from "./errors.ts";
import { ok } from "./result.ts";

/** Query parameters of every list. HTTP gives strings, so `limit` is coerced. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe("Rows of one page, 1 to 100."),
  cursor: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .describe("The `nextCursor` of the page before. It fits the same filters and sort only."),
});
export type PageQuery = z.infer<typeof PageQuery>;

const MAX_VALUES = 20;

/** Several values of one query parameter, separated by commas. Between Workers they come as an array. */
export function severalOf<T extends z.ZodType>(
  item: T,
  description: string,
): z.ZodOptional<z.ZodPreprocess<z.ZodArray<T>>> {
  const several = z.array(item).min(1).max(MAX_VALUES);
  const text = "Several values are separated by commas, and any of them will do.";
  return z
    .preprocess((value) => (typeof value === "string" ? value.split(",") : value), several)
    .optional()
    .meta({ description: `${description} ${text}`, type: "array" });
}

/** A moment in a query, as an ISO 8601 time with its offset. */
export const Moment = z.iso.datetime({ offset: true });

/** One page; `nextCursor` is null on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export function pageOf<T extends z.ZodType>(
  item: T,
): z.ZodObject<{ items: z.ZodArray<T>; nextCursor: z.ZodNullable<z.ZodString> }> {
  return z.object({
    items: z.array(item).describe("The rows of this page, in the order of the list."),
    nextCursor: z.string().nullable().describe("What `cursor` takes for the next page. Null on the last."),
  });
}

const CursorBody = z.tuple([
  z.string(),
  z
    .array(z.union([z.string(), z.number()]))
    .min(1)
    .max(4),
]);

async function digestOf(scope: unknown, key: readonly (string | number)[]): Promise<string> {
  return (await sha256Hex(canonicalJson([scope, key]))).slice(0, 16);
}

/** `scope` is whatever the order of the list depends on: its name, sort and filters, and the owner of the rows. */
export async function encodeCursor(scope: unknown, key: readonly (string | number)[]): Promise<string> {
  return base64urlEncode(JSON.stringify([await digestOf(scope, key), key]));
}

/** The key of the last row seen; `invalid_cursor` when the text is not a cursor, was altered or was made under another scope. */
export async function decodeCursor(scope: unknown, cursor: string): Promise<Outcome<(string | number)[]>> {
  const invalid = fail("invalid_cursor", "The cursor does not belong to this list, sort and filters.");
  let decoded: unknown;
  try {
    decoded = JSON.parse(new TextDecoder().decode(base64urlDecode(cursor)));
  } catch {
    return invalid;
  }
  const body = CursorBody.safeParse(decoded);
  if (!body.success) return invalid;
  const [digest, key] = body.data;
  return digest === (await digestOf(scope, key)) ? ok(key) : invalid;
}

/**
 * A page of a change feed: up to `limit` fetched rows, the oldest change first. Where there are rows there is a cursor to go on from,
 * also from the last; without any it is null, and the cursor that was asked with stays good.
 */
export async function toFeedPage<Row, Item>(
  rows: readonly Row[],
  scope: unknown,
  keyOf: (row: Row) => readonly (string | number)[],
  render: (row: Row) => Item,
): Promise<Page<Item>> {
  const last = rows.at(-1);
  return { items: rows.map(render), nextCursor: last === undefined ? null : await encodeCursor(scope, keyOf(last)) };
}

/**
 * Turns `limit + 1` fetched rows into a page: the extra row only tells that there are more.
 * `keyOf` gives the sort key and the id, in the order of the ORDER BY.
 */
export async function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  scope: unknown,
  keyOf: (row: Row) => readonly (string | number)[],
  render: (row: Row) => Item,
): Promise<Page<Item>> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? await encodeCursor(scope, keyOf(last)) : null;
  return { items: shown.map(render), nextCursor };
}
