// Keyset paging: a cursor is the sort key and id of the last row, bound to the sort and filters it was made under. A digest over
// all of it tells an altered one; it is no secret, because any place in a list is the reader's to ask for.
import * as z from "zod";
import { base64urlDecode, base64urlEncode } from "./base64url.ts";
import { sha256Hex, canonicalJson } from "./hash.ts";
import { fail } from "./errors.ts";
import type { Outcome } from "./errors.ts";
import { ok } from "./result.ts";
import type { Part } from "./search.ts";

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

/** A page as the schemas type it: zod's arrays are mutable. */
interface MutablePage<T> extends Page<T> {
  readonly items: T[];
}

export function pageOf<T extends z.ZodType>(
  item: T,
): z.ZodObject<{ items: z.ZodArray<T>; nextCursor: z.ZodNullable<z.ZodString> }> {
  return z.object({
    items: z.array(item).describe("The rows of this page, in the order of the list."),
    nextCursor: z
      .string()
      .nullable()
      .describe("What `cursor` takes for the next page, also after a short or an empty one. Null on the last."),
  });
}

const CursorBody = z.tuple([
  z.string(),
  z
    .array(z.union([z.string(), z.number()]))
    .min(1)
    .max(4),
]);

/** A row's sort key, in the order of the ORDER BY. It ends with the id unless the rest is unique. `[]` has literals inferred as tuples. */
type Key = readonly (string | number)[] | [];

/** The key of most lists: a number, such as the time of the row, then the id. */
export const NumberThenId = z.tuple([z.number(), z.string()]);
export type NumberThenId = z.infer<typeof NumberThenId>;

async function digestOf(scope: unknown, key: Key): Promise<string> {
  return (await sha256Hex(canonicalJson([scope, key]))).slice(0, 16);
}

/** For `scope` see `Paged`. */
export async function encodeCursor(scope: unknown, key: Key): Promise<string> {
  return base64urlEncode(JSON.stringify([await digestOf(scope, key), key]));
}

const INVALID_CURSOR = fail("invalid_cursor", "The cursor does not belong to this list, sort and filters.");

/** The key of the last row seen; `invalid_cursor` when the text is not a cursor, was altered or was made under another scope. */
export async function decodeCursor(scope: unknown, cursor: string): Promise<Outcome<(string | number)[]>> {
  let decoded: unknown;
  try {
    decoded = JSON.parse(new TextDecoder().decode(base64urlDecode(cursor)));
  } catch {
    return INVALID_CURSOR;
  }
  const body = CursorBody.safeParse(decoded);
  if (!body.success) return INVALID_CURSOR;
  const [digest, key] = body.data;
  return digest === (await digestOf(scope, key)) ? ok(key) : INVALID_CURSOR;
}

/** A list that is read in pages. */
export interface Paged<K extends Key, Row, Item> {
  /** Whatever the order of the list depends on: its name, sort and filters, and the owner of the rows. */
  readonly scope: unknown;
  readonly key: z.ZodType<K>;
  /** Reads up to `limit` rows after a key, or from the beginning. */
  readonly read: (after: K | undefined, limit: number) => Promise<readonly Row[]>;
  readonly keyOf: (row: Row) => K;
  readonly render: (row: Row) => Item;
}

async function keyBefore<K extends Key>(
  { scope, key }: Pick<Paged<K, never, never>, "scope" | "key">,
  cursor: string | undefined,
): Promise<Outcome<K | undefined>> {
  if (cursor === undefined) return ok(undefined);
  const decoded = await decodeCursor(scope, cursor);
  if (!decoded.ok) return decoded;
  const parsed = key.safeParse(decoded.value);
  return parsed.success ? ok(parsed.data) : INVALID_CURSOR;
}

/** The page after a cursor, or the first. Fails with invalid_cursor. */
export async function readPage<K extends Key, Row, Item>(
  page: PageQuery,
  list: Paged<K, Row, Item>,
): Promise<Outcome<MutablePage<Item>>> {
  const read = async (after: K | undefined, rows: number): Promise<Part<Row>> => ({
    rows: await list.read(after, rows),
    reached: undefined,
  });
  return await readPart(page, { ...list, read });
}

/** As `readPage`, of a list that a read may leave before the end of the page: see `Part`. */
export async function readPart<K extends Key, Row, Item>(
  { limit, cursor }: PageQuery,
  list: Omit<Paged<K, Row, Item>, "read"> & {
    readonly read: (after: K | undefined, limit: number) => Promise<Part<Row>>;
  },
): Promise<Outcome<MutablePage<Item>>> {
  const after = await keyBefore(list, cursor);
  if (!after.ok) return after;
  const { rows, reached } = await list.read(after.value, limit + 1);
  const page = await toPage(rows, limit, list.scope, list.keyOf, list.render);
  if (reached === undefined || page.nextCursor !== null) return ok(page);
  return ok({ ...page, nextCursor: await encodeCursor(list.scope, reached) });
}

/** As `readPage`, of a change feed: see `toFeedPage`. */
export async function readFeed<K extends Key, Row, Item>(
  { limit, cursor }: PageQuery,
  list: Paged<K, Row, Item>,
): Promise<Outcome<MutablePage<Item>>> {
  const after = await keyBefore(list, cursor);
  if (!after.ok) return after;
  return ok(await toFeedPage(await list.read(after.value, limit), list.scope, list.keyOf, list.render));
}

/**
 * A page of a change feed: up to `limit` fetched rows, the oldest change first. Where there are rows there is a cursor to go on from,
 * also from the last; without any it is null, and the cursor that was asked with stays good.
 */
async function toFeedPage<Row, Item>(
  rows: readonly Row[],
  scope: unknown,
  keyOf: (row: Row) => Key,
  render: (row: Row) => Item,
): Promise<MutablePage<Item>> {
  const last = rows.at(-1);
  return { items: rows.map(render), nextCursor: last === undefined ? null : await encodeCursor(scope, keyOf(last)) };
}

/** Turns `limit + 1` fetched rows into a page: the extra row only tells that there are more. */
async function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  scope: unknown,
  keyOf: (row: Row) => Key,
  render: (row: Row) => Item,
): Promise<MutablePage<Item>> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? await encodeCursor(scope, keyOf(last)) : null;
  return { items: shown.map(render), nextCursor };
}
