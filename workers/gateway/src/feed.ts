// The events of all Workers as a feed, oldest first. None is skipped, however late it is committed: each Worker numbers its events in
// commit order, and the cursor holds the last number read of each. merge.ts is the same list backwards.
import type { ListFeedInput, PlacedEvent, Rows } from "#shared/contracts/messaging";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { decodeCursor, encodeCursor } from "#shared/paging";
import { ok } from "#shared/result";
import * as z from "zod";
import type { Call } from "#shared/call";
import type { GatewayDeps } from "./deps.ts";
import { WorkerName } from "./merge.ts";
import type { MergedPage } from "./merge.ts";
import { Parts } from "./parts.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";

/** The cursor of the beginning. */
const START = "0";

/** The last sequence number read of each Worker. */
const Positions = z.partialRecord(WorkerName, z.int());
type Positions = z.infer<typeof Positions>;

type Filters = Omit<z.input<typeof ListFeedInput>, "limit" | "after">;

async function positionsOf(scope: unknown, after: string): Promise<Outcome<Positions>> {
  if (after === START) return ok({});
  const key = await decodeCursor(scope, after);
  if (!key.ok) return key;
  try {
    return ok(Positions.parse(JSON.parse(String(key.value[0]))));
  } catch {
    return fail("invalid_cursor", "The cursor does not belong to this feed and its filters.");
  }
}

interface Lane extends Rows<PlacedEvent> {
  readonly worker: DomainWorker;
  /** How many of its events are on the page. */
  used: number;
}

/** Up to `limit` events, each time the one with the lowest id among the lanes' heads. Each lane keeps its commit order. */
function take(lanes: readonly Lane[], limit: number): PlacedEvent[] {
  const page: PlacedEvent[] = [];
  while (page.length < limit) {
    const heads = lanes.filter(({ items, used }) => used < items.length);
    const [first, ...others] = heads;
    if (first === undefined) break;
    const idOf = ({ items, used }: Lane): string => items[used]?.id ?? "";
    const next = others.reduce((best, lane) => (idOf(lane) < idOf(best) ? lane : best), first);
    page.push(...next.items.slice(next.used, next.used + 1));
    next.used += 1;
  }
  return page;
}

/** The last number read of a Worker: of its last event on the page or, when all are on it, where its search ended. */
function positionOf({ items, used, reached }: Lane): number | undefined {
  const end = used === items.length ? reached?.[0] : undefined;
  return typeof end === "number" ? end : items[used - 1]?.seq;
}

/**
 * The events after a cursor. `nextCursor` is null only when there are none; the same cursor can then be used again. The events of a
 * Worker in `partialErrors` come when it answers. Fails with invalid_cursor, and with service_unavailable when no Worker answers.
 */
export async function eventFeed(
  deps: GatewayDeps,
  call: Call,
  { after, limit, ...filters }: { readonly after: string; readonly limit: number } & Filters,
): Promise<Outcome<MergedPage<unknown>>> {
  const scope = ["event feed", filters];
  const positions = await positionsOf(scope, after);
  if (!positions.ok) return positions;
  const parts = new Parts(deps.settings.partDeadlineMs);
  const lanes = await Promise.all(
    DOMAIN_WORKERS.map(async (worker): Promise<Lane | undefined> => {
      const slice = { ...filters, limit, after: positions.value[worker] ?? 0 };
      const rows = await parts.get(worker, () => deps[worker].listFeed(call, slice));
      return rows === null ? undefined : { ...rows, worker, used: 0 };
    }),
  );
  const answered = lanes.filter((lane) => lane !== undefined);
  if (answered.length === 0) return fail("service_unavailable", "No part of the shop answers; try again in a moment.");
  const page = take(answered, limit);
  const moved = answered.flatMap((lane) => {
    const position = positionOf(lane);
    return position === undefined ? [] : [[lane.worker, position] as const];
  });
  const next: Positions = { ...positions.value, ...Object.fromEntries(moved) };
  return ok({
    items: page.map(({ envelope }) => JSON.parse(envelope) as unknown),
    nextCursor: moved.length === 0 ? null : await encodeCursor(scope, [JSON.stringify(next)]),
    partialErrors: parts.errors,
  });
}
