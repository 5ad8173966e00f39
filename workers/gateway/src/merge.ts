// One list of what every Worker keeps a list of: events, dead letters, the audit log, findings. Each Worker is asked for the rows
// after the last of its own that was shown, so that the merged list neither skips nor repeats, also when a Worker is down for a
// page: its rows come later, when it is back.
import { z } from "zod";
import type { MessagingContract, Rows } from "#shared/contracts/messaging";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { PageQuery, decodeCursor, encodeCursor } from "#shared/paging";
import { ok } from "#shared/result";
import type { GatewayDeps } from "./deps.ts";
import { PartialError, Parts } from "./parts.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";

/** A cursor carries a place in each Worker's list: six keys of up to some 150 characters, as base64. */
const MAX_CURSOR_CHARACTERS = 4_000;

export const MergedQuery = PageQuery.extend({
  cursor: z
    .string()
    .min(1)
    .max(MAX_CURSOR_CHARACTERS)
    .optional()
    .describe("The `nextCursor` of the page before. It fits the same filters only."),
});

/** The Worker whose row it is, in an answer or as a filter. */
export const WorkerName = z.enum(DOMAIN_WORKERS).meta({ id: "WorkerName", description: "A part of the shop." });

/** Exactly this type, subject and so on. */
export const Filter = z.string().min(1).max(200).optional();

/** A row's time, as an answer shows it. */
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
  /** What the order of the list depends on: its name and filters. */
  readonly scope: unknown;
  readonly workers: readonly DomainWorker[];
  /** One Worker's rows, newest first. */
  readonly rows: (
    worker: MessagingContract,
    slice: { readonly limit: number; readonly before?: (string | number)[] },
  ) => Promise<Outcome<Rows<Row>>>;
  /** What the Worker sorts by, from the greatest down. */
  readonly keyOf: (row: Row) => Key;
  readonly render: (row: Row, worker: DomainWorker) => Item;
}

export interface MergedPage<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
  readonly partialErrors: readonly PartialError[];
}

/** The answer's schema; the counterpart of `pageOf` for lists of all Workers. */
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
  /** Where its search gave up, if it did: what is older may stand behind rows of its that nobody has seen yet. */
  readonly reached: Key | undefined;
  shown: number;
}

/** Whether the Worker's next row is not known though there may be one. */
function isCut({ rows, shown, reached }: Lane<unknown>): boolean {
  return reached !== undefined && shown === rows.length;
}

/** Takes the newest of all lanes' heads, `limit` times; each lane's own order stays as it is. */
function take<Row>(
  lanes: readonly Lane<Row>[],
  limit: number,
  keyOf: (row: Row) => Key,
): { row: Row; worker: DomainWorker }[] {
  const taken: { row: Row; worker: DomainWorker }[] = [];
  while (taken.length < limit) {
    let best: { lane: Lane<Row>; row: Row } | undefined;
    for (const lane of lanes) {
      const row = lane.rows[lane.shown];
      if (row !== undefined && (best === undefined || isAfter(keyOf(row), keyOf(best.row)))) best = { lane, row };
    }
    if (best === undefined) break;
    const key = keyOf(best.row);
    // Older than where a search gave up: its next rows may come first.
    if (lanes.some((lane) => isCut(lane) && !isAfter(key, lane.reached ?? []))) break;
    best.lane.shown += 1;
    taken.push({ row: best.row, worker: best.lane.worker });
  }
  return taken;
}

/**
 * A place for those Workers that answered and of which nothing is shown yet: the newest row of the list as it is now, so that
 * what is written from here on does not turn up among older rows.
 */
function opening<Row>(lanes: readonly Lane<Row>[], newest: Row | undefined, keyOf: (row: Row) => Key): Positions {
  if (newest === undefined) return {};
  const key = keyOf(newest);
  const behind = lanes.filter(({ rows: [head] }) => head === undefined || isAfter(key, keyOf(head)));
  return Object.fromEntries(behind.map(({ worker }) => [worker, [...key]]));
}

/**
 * One page of all Workers' rows, newest first. A page may be short, or empty, where a search goes on by its cursor. The list
 * ends when the Workers that answer have no more; `partialErrors` names the others. Fails with invalid_cursor, and with
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
      return answer === null ? undefined : { worker, rows: answer.items, reached: answer.reached, shown: 0 };
    }),
  );
  const answered = lanes.filter((lane) => lane !== undefined);
  if (answered.length === 0) return fail("service_unavailable", "No part of the shop answers; try again in a moment.");
  const taken = take(answered, limit, keyOf);
  const reached: Positions = { ...opening(answered, taken[0]?.row, keyOf), ...positions.value };
  for (const { row, worker } of taken) reached[worker] = [...keyOf(row)];
  for (const lane of answered) if (isCut(lane) && lane.reached !== undefined) reached[lane.worker] = [...lane.reached];
  const hasMore = answered.some((lane) => lane.shown < lane.rows.length || isCut(lane));
  return ok({
    items: taken.map(({ row, worker }) => render(row, worker)),
    nextCursor: hasMore ? await encodeCursor(scope, [JSON.stringify(reached)]) : null,
    partialErrors: parts.errors,
  });
}
