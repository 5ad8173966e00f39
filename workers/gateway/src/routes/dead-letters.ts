// Dead letters of all Workers, and their replay.
import * as z from "zod";
import type { Call } from "#shared/call";
import { DeadLetterState } from "#shared/contracts/messaging";
import type { DeadLetter } from "#shared/contracts/messaging";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { PEER_DEADLINE_MS } from "../constants.ts";
import type { GatewayDeps } from "../deps.ts";
import { Filter, MergedQuery, WorkerName, isoTime, mergedPage, mergedPageOf } from "../merge.ts";
import { PartialError, Parts } from "../parts.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

const AdminDeadLetter = z
  .object({
    id: z.string().describe("`<worker>:<event id>`. One event may be a dead letter of several consumers."),
    worker: WorkerName.describe("The consumer."),
    eventId: z.string().describe("The event's id."),
    type: z.string().describe("The event's type, for example ORDER_CREATED."),
    subject: z.string().describe("The id of what the event is about."),
    state: DeadLetterState.describe(
      "`open`: waits for an operator. `replayed`: sent once more and not handled yet. `handled`: a replay was handled.",
    ),
    attempts: z.int().describe("How often it was tried."),
    error: z.string().describe("The error of the last attempt."),
    deadAt: z.iso.datetime().describe("When the consumer gave up."),
    replayedAt: z.iso.datetime().nullable().describe("When it was last sent again. Null: never."),
    handledAt: z.iso.datetime().nullable().describe("When a replay was handled. Null until then."),
    event: z.unknown().describe("The message as received."),
  })
  .meta({ id: "DeadLetter", description: "An event that a consumer gave up on." });

function renderDeadLetter(letter: DeadLetter, worker: DomainWorker): z.infer<typeof AdminDeadLetter> {
  const { eventId, type, subject, attempts, error, deadAt, replayedAt, handledAt, envelope } = letter;
  const pending = replayedAt === null ? "open" : "replayed";
  return {
    id: `${worker}:${eventId}`,
    worker,
    eventId,
    type,
    subject,
    state: handledAt === null ? pending : "handled",
    attempts,
    error,
    deadAt: isoTime(deadAt),
    replayedAt: replayedAt === null ? null : isoTime(replayedAt),
    handledAt: handledAt === null ? null : isoTime(handledAt),
    event: JSON.parse(envelope) as unknown,
  };
}

function workersOf(worker: DomainWorker | undefined): readonly DomainWorker[] {
  return worker === undefined ? DOMAIN_WORKERS : [worker];
}

const Replayed = z
  .object({
    replayed: z.array(z.string()).describe("Ids of the dead letters that were replayed."),
    partialErrors: z.array(PartialError).describe("The parts of the shop that did not answer."),
  })
  .meta({ id: "ReplayedDeadLetters", description: "The dead letters that were replayed." });

const DEAD_LETTER_ID = new RegExp(`^(?:(?<worker>${DOMAIN_WORKERS.join("|")}):)?(?<eventId>.{1,200})$`, "s");

/** Replays a dead letter at the Worker that its id names; an event id alone replays at every Worker that gave up on the event. */
async function replayOne(deps: GatewayDeps, call: Call, id: string): Promise<Outcome<z.infer<typeof Replayed>>> {
  const { worker, eventId = "" } = DEAD_LETTER_ID.exec(id)?.groups ?? {};
  const parts = new Parts(PEER_DEADLINE_MS);
  const outcomes = await Promise.all(
    workersOf(worker as DomainWorker | undefined).map(async (name) => ({
      name,
      answer: await parts.get(name, async (): Promise<Outcome<"sent" | "unknown">> => {
        const answer = await deps[name].replayDeadLetter(call, { eventId });
        if (answer.ok) return ok("sent");
        return answer.error.code === "not_found" ? ok("unknown") : answer;
      }),
    })),
  );
  const replayed = outcomes.filter(({ answer }) => answer === "sent");
  if (replayed.length > 0) {
    return ok({ replayed: replayed.map(({ name }) => `${name}:${eventId}`), partialErrors: parts.errors });
  }
  return parts.errors.length === 0
    ? fail("not_found", "There is no such dead letter.")
    : fail("service_unavailable", "A part of the shop does not answer; try again in a moment.");
}

const ReplayCounts = z.object({
  replayed: z.int().describe("Dead letters that were replayed."),
  remaining: z.int().describe("Dead letters that are still open."),
});
const ReplayedAll = ReplayCounts.extend({
  workers: z
    .record(z.string(), ReplayCounts.nullable())
    .describe("The same by part of the shop. Null for one that did not answer."),
  partialErrors: z.array(PartialError).describe("The parts of the shop that did not answer."),
}).meta({ id: "ReplayCounts", description: "How many dead letters were replayed." });

async function replayAll(deps: GatewayDeps, call: Call, worker?: DomainWorker): Promise<z.infer<typeof ReplayedAll>> {
  const parts = new Parts(PEER_DEADLINE_MS);
  const counts = await Promise.all(
    workersOf(worker).map(
      async (name) => [name, await parts.get(name, () => deps[name].replayDeadLetters(call))] as const,
    ),
  );
  return {
    replayed: counts.reduce((sum, [, count]) => sum + (count?.replayed ?? 0), 0),
    remaining: counts.reduce((sum, [, count]) => sum + (count?.remaining ?? 0), 0),
    workers: Object.fromEntries(counts),
    partialErrors: parts.errors,
  };
}

export const deadLetterRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/admin/dead-letters",
    operationId: "listDeadLetters",
    tag: "Operations",
    summary: "Events that a consumer gave up on, newest first",
    access: "admin",
    limit: "read",
    query: MergedQuery.extend({
      worker: WorkerName.optional().describe("Only those of this part of the shop."),
      type: Filter.describe("Only events of this type."),
      subject: Filter.describe("Only events about this id."),
      state: DeadLetterState.optional().describe("Only those in this state."),
    }),
    answers: {
      200: mergedPageOf(AdminDeadLetter).meta({ id: "DeadLetterPage", description: "One page of dead letters." }),
    },
    errors: ["invalid_cursor"],
    handle: async (deps, { call, query: { limit, cursor, worker, ...filters } }) =>
      replyWith(
        200,
        await mergedPage(
          deps,
          {
            scope: ["dead letters", worker, filters],
            workers: workersOf(worker),
            rows: (peer, slice) => peer.listDeadLetters(call, { ...slice, ...filters }),
            keyOf: ({ deadAt, eventId }) => [deadAt, eventId],
            render: renderDeadLetter,
          },
          { limit, cursor },
        ),
      ),
  }),
  route({
    method: "post",
    path: "/api/admin/dead-letters/replay",
    operationId: "replayDeadLetters",
    tag: "Operations",
    summary: "Replay open dead letters, up to 500 of each Worker, the oldest first",
    access: "admin",
    limit: "write",
    query: z.object({ worker: WorkerName.optional().describe("Only those of this part of the shop.") }),
    answers: { 202: ReplayedAll },
    errors: [],
    handle: async (deps, { call, query }) => replyWith(202, ok(await replayAll(deps, call, query.worker))),
  }),
  route({
    method: "post",
    path: "/api/admin/dead-letters/{deadLetterId}/replay",
    operationId: "replayDeadLetter",
    tag: "Operations",
    summary: "Replay a dead letter, by its id or by the id of its event; one that was handled has no second effect",
    access: "admin",
    limit: "write",
    params: z.object({
      deadLetterId: z.string().regex(DEAD_LETTER_ID).describe("The dead letter's id, or the id of its event."),
    }),
    answers: { 202: Replayed },
    errors: ["not_found"],
    handle: async (deps, { call, params }) => replyWith(202, await replayOne(deps, call, params.deadLetterId)),
  }),
];
