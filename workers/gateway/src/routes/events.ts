// The operators' console: the event log, the audit log, findings and consumer lag, each merged from the databases of all Workers. Dead
// letters are in dead-letters.ts.
import * as z from "zod";
import { FindingOutcome } from "#shared/contracts/messaging";
import type { AuditRecord, FindingRecord } from "#shared/contracts/messaging";
import { EventEnvelopeBase } from "#shared/events/envelope";
import { fail } from "#shared/errors";
import { ok } from "#shared/result";
import { eventFeed } from "../feed.ts";
import { Filter, MergedQuery, WorkerName, isoTime, mergedPage, mergedPageOf } from "../merge.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";
import { ConsumerLag, ProducerLag, consumerLag } from "../sweep.ts";

const Event = EventEnvelopeBase.extend({ data: z.unknown().describe("The data of this event type.") }).meta({
  id: "Event",
  description: "An event as CloudEvents 1.0 writes it.",
});

const AuditEntry = z
  .object({
    id: z.string().describe("The entry's id."),
    worker: WorkerName.describe("The part of the shop where it was done."),
    at: z.iso.datetime().describe("When it was done."),
    actor: z
      .object({ id: z.string().describe("The user's id."), role: z.string().describe("The role at that time.") })
      .describe("Who did it."),
    action: z.string().describe("What was done, for example `order.status`."),
    subject: z.string().describe("The id of what it was done to."),
    requestId: z.string().describe("The request's id, as in `X-Request-Id`."),
    details: z.unknown().describe("Details of the action."),
  })
  .meta({ id: "AuditEntry", description: "An action of staff." });

const Finding = z
  .object({
    worker: WorkerName.describe("The part of the shop whose sweep it is."),
    kind: z.string().describe("What was wrong."),
    subject: z.string().describe("The id of what it was wrong with."),
    outcome: FindingOutcome.describe("`mended`: the sweep repaired it. `open`: it waits for an operator."),
    times: z.int().describe("How often it was found."),
    firstFoundAt: z.iso.datetime().describe("When it was first found."),
    lastFoundAt: z.iso.datetime().describe("When it was last found."),
    details: z.unknown().describe("Details of the finding."),
  })
  .meta({ id: "Finding", description: "Something wrong that a sweep found." });

const Lag = z
  .object({
    consumers: z
      .record(z.string(), ConsumerLag.nullable())
      .describe("The events that each consumer has not handled yet. Null for one that does not answer."),
    producers: z
      .record(z.string(), ProducerLag.nullable())
      .describe("The events of each producer that are not confirmed yet. Null for one that does not answer."),
  })
  .meta({ id: "Lag", description: "How far the parts of the shop are behind." });

function renderAudit(record: AuditRecord, worker: DomainWorker): z.infer<typeof AuditEntry> {
  const { id, at, actorId, actorRole, action, subject, requestId, details } = record;
  const actor = { id: actorId, role: actorRole };
  return { id, worker, at: isoTime(at), actor, action, subject, requestId, details: JSON.parse(details) as unknown };
}

function renderFinding(record: FindingRecord, worker: DomainWorker): z.infer<typeof Finding> {
  const { firstFoundAt, lastFoundAt, details, ...rest } = record;
  return {
    worker,
    ...rest,
    firstFoundAt: isoTime(firstFoundAt),
    lastFoundAt: isoTime(lastFoundAt),
    details: JSON.parse(details) as unknown,
  };
}

export const eventRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/admin/events",
    operationId: "listEvents",
    tag: "Operations",
    summary: "The events of all Workers, newest first; with `after` a feed, oldest first, that skips none",
    access: "admin",
    limit: "read",
    query: MergedQuery.extend({
      type: Filter.describe("Only events of this type, for example ORDER_CREATED."),
      subject: Filter.describe("Only events about this id."),
      correlationId: Filter.describe("Only what this request, webhook or sweep caused."),
      after: MergedQuery.shape.cursor.describe(
        "Makes the list a feed, oldest first: the events after this cursor, which is the `nextCursor` of the page before. `0` is the beginning. `nextCursor` is null only when nothing is new; the last one can be used again.",
      ),
    }),
    answers: { 200: mergedPageOf(Event).meta({ id: "EventPage", description: "One page of events." }) },
    errors: ["invalid_cursor"],
    handle: async (deps, { call, query: { limit, cursor, after, ...filters } }) => {
      if (after !== undefined && cursor !== undefined) {
        const errors = [{ path: "cursor", message: "cannot be combined with `after`, which is the feed's own cursor" }];
        return fail("validation_failed", "Use `cursor` for the list or `after` for the feed.", { errors });
      }
      if (after !== undefined) return replyWith(200, await eventFeed(deps, call, { after, limit, ...filters }));
      return replyWith(
        200,
        await mergedPage(
          deps,
          {
            scope: ["events", filters],
            workers: DOMAIN_WORKERS,
            rows: (worker, slice) => worker.listEvents(call, { ...slice, ...filters }),
            keyOf: ({ id }) => [id],
            render: ({ envelope }) => JSON.parse(envelope) as unknown,
          },
          { limit, cursor },
        ),
      );
    },
  }),
  route({
    method: "get",
    path: "/api/admin/lag",
    operationId: "getLag",
    tag: "Operations",
    summary: "The events that each consumer has not handled, and those that each producer has not confirmed",
    access: "admin",
    limit: "read",
    answers: { 200: Lag },
    errors: [],
    handle: async (deps, { call }) => {
      const { now, partDeadlineMs } = deps.settings;
      return replyWith(200, ok(await consumerLag(deps, call, now(), partDeadlineMs)));
    },
  }),
  route({
    method: "get",
    path: "/api/admin/audit",
    operationId: "listAuditEntries",
    tag: "Operations",
    summary: "The audit log of staff, newest first",
    access: "admin",
    limit: "read",
    query: MergedQuery.extend({
      actor: Filter.describe("Only what this user did."),
      subject: Filter.describe("Only what was done to this id."),
      action: Filter.describe("Only this action, for example `order.status`."),
    }),
    answers: { 200: mergedPageOf(AuditEntry).meta({ id: "AuditPage", description: "One page of the audit log." }) },
    errors: ["invalid_cursor"],
    handle: async (deps, { call, query: { limit, cursor, ...filters } }) =>
      replyWith(
        200,
        await mergedPage(
          deps,
          {
            scope: ["audit", filters],
            workers: DOMAIN_WORKERS,
            rows: (worker, slice) => worker.listAudit(call, { ...slice, ...filters }),
            keyOf: ({ id }) => [id],
            render: renderAudit,
          },
          { limit, cursor },
        ),
      ),
  }),
  route({
    method: "get",
    path: "/api/admin/findings",
    operationId: "listFindings",
    tag: "Operations",
    summary: "Findings of the sweeps, the last found first",
    access: "admin",
    limit: "read",
    query: MergedQuery.extend({
      kind: Filter.describe("Only findings of this kind."),
      outcome: FindingOutcome.optional().describe("Only findings with this outcome."),
    }),
    answers: { 200: mergedPageOf(Finding).meta({ id: "FindingPage", description: "One page of findings." }) },
    errors: ["invalid_cursor"],
    handle: async (deps, { call, query: { limit, cursor, ...filters } }) =>
      replyWith(
        200,
        await mergedPage(
          deps,
          {
            scope: ["findings", filters],
            workers: DOMAIN_WORKERS,
            rows: (worker, slice) => worker.listFindings(call, { ...slice, ...filters }),
            keyOf: ({ lastFoundAt, kind, subject }) => [lastFoundAt, kind, subject],
            render: renderFinding,
          },
          { limit, cursor },
        ),
      ),
  }),
];
