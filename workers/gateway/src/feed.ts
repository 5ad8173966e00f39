// The events of all Workers as a feed of changes: oldest first, and none is skipped, however late it was committed. Each Worker gives its
// events the places of their commits; the cursor holds how far each Worker was read. merge.ts is the list that goes backwards.
import type { ListFeedInput, PlacedEvent, Rows } from "#shared/contracts/messaging";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { decodeCursor, encodeCursor } from "#shared/paging";
import { ok } from "#shared/result";
import { z } from "zod";
import type { Call } from "#shared/call";
import type { GatewayDeps } from "./deps.ts";
import { WorkerName } from "./merge.ts";
import type { MergedPage } from "./merge.ts";
import { Parts } from "./parts.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";

/** Where every feed begins. */
const START = "0";

const Places = z.partialRecord(WorkerName, z.int());
type Places = z.infer<typeof Places>;

type Filters = Omit<z.input<typeof ListFeedInput>, "limit" | "after">;

async function placesOf(scope: unknown, after: string): Promise<Outcome<Places>> {
  if (after === START) return ok({});
  const key = await decodeCursor(scope, after);
  if (!key.ok) return key;
  try {
    return ok(Places.parse(JSON.parse(String(key.value[0]))));
  } catch {
    return fail("invalid_cursor", "The cursor does not belong to this feed and its filters.");
  }
}

interface Lane extends Rows<PlacedEvent> {
  readonly worker: DomainWorker;
  shown: number;
}

/** Takes the oldest of all lanes' heads by their ids, `limit` times; each lane's own order, that of its commits, stays as it is. */
function take(lanes: readonly Lane[], limit: number): PlacedEvent[] {
  const taken: PlacedEvent[] = [];
  while (taken.length < limit) {
    const heads = lanes.filter(({ items, shown }) => shown < items.length);
    const [first, ...others] = heads;
    if (first === undefined) break;
    const idOf = ({ items, shown }: Lane): string => items[shown]?.id ?? "";
    const next = others.reduce((best, lane) => (idOf(lane) < idOf(best) ? lane : best), first);
    taken.push(...next.items.slice(next.shown, next.shown + 1));
    next.shown += 1;
  }
  return taken;
}

/** How far a Worker was read: to its last event shown, and where all were shown, as far as its search went. */
function placeOf({ items, shown, reached }: Lane): number | undefined {
  const end = shown === items.length ? reached?.[0] : undefined;
  return typeof end === "number" ? end : items[shown - 1]?.seq;
}

/**
 * The events after a place. `nextCursor` is null only when nothing is new; the cursor that was asked with then stays good. A Worker that
 * does not answer is named in `partialErrors`, and its events come when it does. Fails with invalid_cursor, and with
 * service_unavailable when no Worker answers.
 */
export async function eventFeed(
  deps: GatewayDeps,
  call: Call,
  { after, limit, ...filters }: { readonly after: string; readonly limit: number } & Filters,
): Promise<Outcome<MergedPage<unknown>>> {
  const scope = ["event feed", filters];
  const places = await placesOf(scope, after);
  if (!places.ok) return places;
  const parts = new Parts(deps.settings.partDeadlineMs);
  const lanes = await Promise.all(
    DOMAIN_WORKERS.map(async (worker): Promise<Lane | undefined> => {
      const slice = { ...filters, limit, after: places.value[worker] ?? 0 };
      const rows = await parts.get(worker, () => deps[worker].listFeed(call, slice));
      return rows === null ? undefined : { ...rows, worker, shown: 0 };
    }),
  );
  const answered = lanes.filter((lane) => lane !== undefined);
  if (answered.length === 0) return fail("service_unavailable", "No part of the shop answers; try again in a moment.");
  const taken = take(answered, limit);
  const moved = answered.flatMap((lane) => {
    const place = placeOf(lane);
    return place === undefined ? [] : [[lane.worker, place] as const];
  });
  const next: Places = { ...places.value, ...Object.fromEntries(moved) };
  return ok({
    items: taken.map(({ envelope }) => JSON.parse(envelope) as unknown),
    nextCursor: moved.length === 0 ? null : await encodeCursor(scope, [JSON.stringify(next)]),
    partialErrors: parts.errors,
  });
}
