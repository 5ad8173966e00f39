// Merges the lists that every Worker keeps (events, dead letters, the audit log, findings) into one. The cursor holds a position in
// each Worker's list, so the merged list neither skips nor repeats. A Worker that is down for a page adds its rows to a later one.
import * as z from "zod";
import type { MessagingContract, Rows } from "#shared/contracts/messaging";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { PageQuery, decodeCursor, encodeCursor } from "#shared/paging";
import { ok } from "#shared/result";
import type { GatewayDeps } from "./deps.ts";
import { PartialError, Parts } from "./parts.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";

/** A cursor has a position in each Worker's list: six keys of up to some 150 characters, as base64. */
const MAX_CURSOR_CHARACTERS = 4_000;

export const MergedQuery = PageQuery.extend({
  cursor: z
    .string()
    .min(1)
    .max(MAX_CURSOR_CHARACTERS)
    .optional()
    .describe("The `nextCursor` of the page before. It fits the same filters only."),
});

/** The Worker that owns a row, in an answer or as a filter. */
export const WorkerName = z.enum(DOMAIN_WORKERS).meta({ id: "WorkerName", description: "A part of the shop." });

/** An exact match of a type, a subject and so on. */
export const Filter = z.string().min(1).max(200).optional();

/** A row's time in an answer. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

type Key = readonly (string | number)[];
const Positions = z.partialRecord(
  WorkerName,
  z
    .array(z.union([z.string(), z.number()]))
    .min(1)
    .max(3),
);
type Positions = z.infer<typeof Positions>;

export interface MergedList<Row, Item> {
  /** What a cursor is bound to: the list's name and filters. */
  readonly scope: unknown;
  readonly workers: readonly DomainWorker[];
  /** One Worker's rows, newest first. */
  readonly rows: (
    worker: MessagingContract,
    slice: { readonly limit: number; readonly before?: (string | number)[] },
  ) => Promise<Outcome<Rows<Row>>>;
  /** The sort key, in descending order. */
  readonly keyOf: (row: Row) => Key;
  readonly render: (row: Row, worker: DomainWorker) => Item;
}

export interface MergedPage<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
  readonly partialErrors: readonly PartialError[];
}

/** The schema of a merged page, as `pageOf` is of a page. */
export function mergedPageOf<T extends z.ZodType>(
  item: T,
): z.ZodObject<{
  items: z.ZodArray<T>;
  nextCursor: z.ZodNullable<z.ZodString>;
  partialErrors: z.ZodArray<typeof PartialError>;
}> {
  return z.object({
    items: z.array(item).describe("The rows of this page, newest first."),
    nextCursor: z.string().nullable().describe("What `cursor` takes for the next page. Null on the last."),
    partialErrors: z
      .array(PartialError)
      .describe("The parts of the shop that did not answer. Their rows come on a later page, when they are back."),
  });
}

async function positionsOf(scope: unknown, cursor: string | undefined): Promise<Outcome<Positions>> {
  if (cursor === undefined) return ok({});
  const key = await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  try {
    return ok(Positions.parse(JSON.parse(String(key.value[0]))));
  } catch {
    return fail("invalid_cursor", "The cursor does not belong to this list, sort and filters.");
  }
}

function isAfter(a: Key, b: Key): boolean {
  for (const [index, member] of a.entries()) {
    const other = b[index] ?? "";
    if (member !== other) return member > other;
  }
  return false;
}

interface Lane<Row> {
  readonly worker: DomainWorker;
  readonly rows: readonly Row[];
  /** Where its search stopped early: older rows may exist below, not read yet. */
  readonly reached: Key | undefined;
  /** How many of its rows are on the page. */
  used: number;
}

/** Whether the Worker may have a next row that was not read. */
function isCut({ rows, used, reached }: Lane<unknown>): boolean {
  return reached !== undefined && used === rows.length;
}

/** The newest `limit` rows of all lanes. Each lane keeps its order. */
function take<Row>(
  lanes: readonly Lane<Row>[],
  limit: number,
  keyOf: (row: Row) => Key,
): { row: Row; worker: DomainWorker }[] {
  const page: { row: Row; worker: DomainWorker }[] = [];
  while (page.length < limit) {
    let best: { lane: Lane<Row>; row: Row } | undefined;
    for (const lane of lanes) {
      const row = lane.rows[lane.used];
      if (row !== undefined && (best === undefined || isAfter(keyOf(row), keyOf(best.row)))) best = { lane, row };
    }
    if (best === undefined) break;
    const key = keyOf(best.row);
    // Below the point where a search stopped, that lane's next rows may come first.
    if (lanes.some((lane) => isCut(lane) && !isAfter(key, lane.reached ?? []))) break;
    best.lane.used += 1;
    page.push({ row: best.row, worker: best.lane.worker });
  }
  return page;
}

/**
 * Positions of the Workers that have answered and have no row on the first page: its newest row. Rows that they write later then
 * do not appear among older ones.
 */
function openingPositions<Row>(
  lanes: readonly Lane<Row>[],
  newest: Row | undefined,
  keyOf: (row: Row) => Key,
): Positions {
  if (newest === undefined) return {};
  const key = keyOf(newest);
  const behind = lanes.filter(({ rows: [head] }) => head === undefined || isAfter(key, keyOf(head)));
  return Object.fromEntries(behind.map(({ worker }) => [worker, [...key]]));
}

/**
 * One page of all Workers' rows, newest first. A page may be short or empty where a search continues by its cursor. The list ends
 * when the Workers that answer have no more; `partialErrors` names the others. Fails with invalid_cursor, and with
 * service_unavailable when no Worker answers.
 */
export async function mergedPage<Row, Item>(
  deps: GatewayDeps,
  { scope, workers, rows, keyOf, render }: MergedList<Row, Item>,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Outcome<MergedPage<Item>>> {
  const positions = await positionsOf(scope, cursor);
  if (!positions.ok) return positions;
  const parts = new Parts(deps.settings.partDeadlineMs);
  const lanes = await Promise.all(
    workers.map(async (worker): Promise<Lane<Row> | undefined> => {
      const before = positions.value[worker];
      const slice = { limit: limit + 1, ...(before === undefined ? {} : { before }) };
      const answer = await parts.get(worker, () => rows(deps[worker], slice));
      return answer === null ? undefined : { worker, rows: answer.items, reached: answer.reached, used: 0 };
    }),
  );
  const answered = lanes.filter((lane) => lane !== undefined);
  if (answered.length === 0) return fail("service_unavailable", "No part of the shop answers; try again in a moment.");
  const page = take(answered, limit, keyOf);
  const reached: Positions = { ...openingPositions(answered, page[0]?.row, keyOf), ...positions.value };
  for (const { row, worker } of page) reached[worker] = [...keyOf(row)];
  for (const lane of answered) if (isCut(lane) && lane.reached !== undefined) reached[lane.worker] = [...lane.reached];
  const hasMore = answered.some((lane) => lane.used < lane.rows.length || isCut(lane));
  return ok({
    items: page.map(({ row, worker }) => render(row, worker)),
    nextCursor: hasMore ? await encodeCursor(scope, [JSON.stringify(reached)]) : null,
    partialErrors: parts.errors,
  });
}
