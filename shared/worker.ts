// What every domain Worker does in the same way: the entrypoint that its RPC surface extends, which answers about events and sweeps,
// and its cron.
import { WorkerEntrypoint } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { systemCall } from "./call.ts";
import type { Call } from "./call.ts";
import {
  ConfirmEventsInput,
  ListDeadLettersInput,
  ListEventsInput,
  ReplayDeadLetterInput,
  ResendEventsInput,
  RunSweepsInput,
  UnseenEventsInput,
} from "./contracts/messaging.ts";
import type { DeadLetter, MessagingContract, SweepCounts } from "./contracts/messaging.ts";
import { fail } from "./errors.ts";
import type { Outcome } from "./errors.ts";
import { redactEnvelope, redactEvent } from "./events/commands.ts";
import { parseEvent } from "./events/envelope.ts";
import type { EventEnvelope } from "./events/envelope.ts";
import { newId } from "./ids.ts";
import { replayDeadLetter, unseenEvents } from "./inbox.ts";
import { log, withInvocation } from "./logger.ts";
import { confirmEvents, resendEvents, unconfirmedEvents } from "./outbox.ts";
import type { Deps, UnconfirmedEvent } from "./outbox.ts";
import { decodeCursor, toPage } from "./paging.ts";
import type { Page } from "./paging.ts";
import { ok } from "./result.ts";
import { serve } from "./rpc.ts";

/** Runs all sweeps of a Worker; each returns how many things it found. `everything` ignores age and back-off. */
type Sweep<D extends Deps> = (deps: D, call: Call, everything: boolean) => Promise<SweepCounts>;

/** How a Worker is put together: its dependencies from its bindings, and its sweeps. */
export interface DomainWiring<Env, D extends Deps> {
  readonly createDeps: (env: Env, ctx: Pick<ExecutionContext, "waitUntil">) => D;
  readonly sweep: Sweep<D>;
  /** The Worker's own inbox queue, for replays; absent where it consumes nothing. */
  readonly inbox?: (env: Env) => Queue;
}

async function listEvents(
  deps: Deps,
  _call: Call,
  input: z.output<typeof ListEventsInput>,
): Promise<Outcome<Page<EventEnvelope>>> {
  const { limit, cursor, type, subject, correlationId } = input;
  const scope = ["events", type, subject, correlationId];
  const key = cursor === undefined ? ok(undefined) : await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  const filters = [
    key.value === undefined ? sql`true` : sql`id < ${key.value[0] ?? ""}`,
    ...(type === undefined ? [] : [sql`type = ${type}`]),
    ...(subject === undefined ? [] : [sql`subject = ${subject}`]),
    ...(correlationId === undefined ? [] : [sql`correlation_id = ${correlationId}`]),
  ];
  // Ids of events sort by the time they were made, so the primary key is the order of the list.
  const rows = await deps.db.all<{ id: string; envelope: string }>(
    sql`SELECT id, envelope FROM outbox WHERE ${sql.join(filters, sql` AND `)} ORDER BY id DESC LIMIT ${limit + 1}`,
  );
  const page = await toPage(
    rows,
    limit,
    scope,
    (row) => [row.id],
    (row) => parseEvent(JSON.parse(row.envelope)),
  );
  const events = page.items.filter((event) => event !== undefined);
  return ok({ items: events.map(redactEvent), nextCursor: page.nextCursor });
}

async function listDeadLetters(
  deps: Deps,
  _call: Call,
  { limit, cursor }: z.output<typeof ListDeadLettersInput>,
): Promise<Outcome<Page<DeadLetter>>> {
  const scope = "dead letters";
  const key = cursor === undefined ? ok(undefined) : await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  const [deadAt = 0, eventId = ""] = key.value ?? [];
  const before = key.value === undefined ? sql`true` : sql`(dead_at, event_id) < (${deadAt}, ${eventId})`;
  const rows = await deps.db.all<DeadLetter>(sql`SELECT event_id AS eventId, type, subject, envelope, attempts, error,
      dead_at AS deadAt, replayed_at AS replayedAt
    FROM dead_letters WHERE ${before} ORDER BY dead_at DESC, event_id DESC LIMIT ${limit + 1}`);
  return ok(
    await toPage(
      rows,
      limit,
      scope,
      (row) => [row.deadAt, row.eventId],
      (row) => ({ ...row, envelope: redactEnvelope(row.envelope) }),
    ),
  );
}

/** A Worker's cron: its sweeps as one logged invocation, told at info level when they found something. */
export async function runCron<D extends Deps>(deps: D, sweep: Sweep<D>): Promise<void> {
  const call = systemCall("cron", newId("req"));
  const { worker, logLevel: level } = deps;
  await withInvocation({ worker, operation: "scheduled", correlationId: call.correlationId, level }, async () => {
    const counts = await sweep(deps, call, false);
    const hasFound = Object.values(counts).some((count) => count > 0);
    log(hasFound ? "info" : "debug", "swept", counts);
  });
}

/** Makes the base class of one Worker's entrypoint. The class is abstract in spirit: it answers only what all share. */
export function domainWorker<Env, D extends Deps>(
  wiring: DomainWiring<Env, D>,
): new (ctx: ExecutionContext, env: Env) => WorkerEntrypoint<Env> & MessagingContract {
  return class DomainWorker extends WorkerEntrypoint<Env> implements MessagingContract {
    #serve<S extends z.ZodType, T>(
      operation: string,
      call: Call,
      schema: S,
      input: unknown,
      useCase: (own: D, call: Call, input: z.output<S>) => Promise<Outcome<T>>,
    ): Promise<Outcome<T>> {
      return serve(wiring.createDeps(this.env, this.ctx), operation, call, schema, input, useCase);
    }

    unconfirmedEvents(call: Call): Promise<Outcome<readonly UnconfirmedEvent[]>> {
      return this.#serve("unconfirmedEvents", call, z.undefined(), undefined, async (own) =>
        ok(await unconfirmedEvents(own)),
      );
    }

    unseenEvents(call: Call, input: z.input<typeof UnseenEventsInput>): Promise<Outcome<readonly string[]>> {
      return this.#serve("unseenEvents", call, UnseenEventsInput, input, async (own, _call, { ids, everything }) =>
        ok(await unseenEvents(own, ids, everything)),
      );
    }

    resendEvents(call: Call, input: z.input<typeof ResendEventsInput>): Promise<Outcome<number>> {
      return this.#serve("resendEvents", call, ResendEventsInput, input, async (own, _call, { deliveries }) =>
        ok(await resendEvents(own, deliveries)),
      );
    }

    confirmEvents(call: Call, input: z.input<typeof ConfirmEventsInput>): Promise<Outcome<null>> {
      return this.#serve("confirmEvents", call, ConfirmEventsInput, input, async (own, _call, { ids }) => {
        await confirmEvents(own, ids);
        return ok(null);
      });
    }

    listEvents(call: Call, input: z.input<typeof ListEventsInput>): Promise<Outcome<Page<EventEnvelope>>> {
      return this.#serve("listEvents", call, ListEventsInput, input, listEvents);
    }

    listDeadLetters(call: Call, input: z.input<typeof ListDeadLettersInput>): Promise<Outcome<Page<DeadLetter>>> {
      return this.#serve("listDeadLetters", call, ListDeadLettersInput, input, listDeadLetters);
    }

    replayDeadLetter(call: Call, input: z.input<typeof ReplayDeadLetterInput>): Promise<Outcome<null>> {
      const { env } = this;
      return this.#serve("replayDeadLetter", call, ReplayDeadLetterInput, input, async (own, _call, { eventId }) => {
        const found = wiring.inbox !== undefined && (await replayDeadLetter(own, wiring.inbox(env), eventId));
        return found ? ok(null) : fail("not_found", "There is no such dead letter.");
      });
    }

    runSweeps(call: Call, input: z.input<typeof RunSweepsInput>): Promise<Outcome<SweepCounts>> {
      return this.#serve("runSweeps", call, RunSweepsInput, input, async (own, ownCall, { everything }) =>
        ok(await wiring.sweep(own, ownCall, everything)),
      );
    }
  };
}
