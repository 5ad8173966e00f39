// What every domain Worker does in the same way: the entrypoint that its RPC surface extends, which answers about events and
// sweeps, and its cron.
import { WorkerEntrypoint } from "cloudflare:workers";
import { z } from "zod";
import { systemCall } from "./call.ts";
import type { Call } from "./call.ts";
import {
  ConfirmEventsInput,
  ListAuditInput,
  ListDeadLettersInput,
  ListEventsInput,
  ListFeedInput,
  ListFindingsInput,
  ReplayDeadLetterInput,
  ResendEventsInput,
  RunSweepsInput,
  UnseenEventsInput,
} from "./contracts/messaging.ts";
import type {
  AuditRecord,
  DeadLetter,
  FindingRecord,
  MessagingContract,
  PlacedEvent,
  Rows,
  StoredEvent,
  SweepCounts,
  WorkerOverview,
} from "./contracts/messaging.ts";
import { countOpenDeadLetters, listDeadLetters, replayDeadLetter, replayDeadLetters } from "./dead-letters.ts";
import type { Outcome } from "./errors.ts";
import { newId } from "./ids.ts";
import { unseenEvents } from "./inbox.ts";
import { log, withInvocation } from "./logger.ts";
import { readMetrics } from "./metrics.ts";
import type { Metric, MetricQuery } from "./metrics.ts";
import { health, listAudit, listEvents, listFeed, listFindings } from "./operations.ts";
import { confirmEvents, resendEvents, unconfirmedEvents } from "./outbox.ts";
import type { Deps } from "./deps.ts";
import type { UnconfirmedEvent } from "./outbox.ts";
import { ok } from "./result.ts";
import { serve } from "./rpc.ts";
import { runSweeps } from "./sweep.ts";
import type { SweepPlan } from "./sweep.ts";

/** How a Worker is put together: its dependencies from its bindings, its sweeps and its figures. */
export interface DomainWiring<Env, D extends Deps> extends SweepPlan<D> {
  readonly createDeps: (env: Env, ctx: Pick<ExecutionContext, "waitUntil">) => D;
  /** The Worker's own figures, beside those that all Workers have. */
  readonly metrics: (deps: D) => readonly MetricQuery[];
}

/** A Worker's cron: all its sweeps as one logged invocation, at info level when they found something. */
export async function runCron<D extends Deps>(deps: D, plan: SweepPlan<D>): Promise<void> {
  const call = systemCall("cron", newId("req"));
  const { worker, logLevel: level } = deps;
  await withInvocation({ worker, operation: "scheduled", correlationId: call.correlationId, level }, async () => {
    const counts = await runSweeps(deps, plan, { call, everything: false });
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
        ok(await unseenEvents(own, ids, { everything })),
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

    listEvents(call: Call, input: z.input<typeof ListEventsInput>): Promise<Outcome<Rows<StoredEvent>>> {
      return this.#serve("listEvents", call, ListEventsInput, input, listEvents);
    }

    listFeed(call: Call, input: z.input<typeof ListFeedInput>): Promise<Outcome<Rows<PlacedEvent>>> {
      return this.#serve("listFeed", call, ListFeedInput, input, listFeed);
    }

    listDeadLetters(call: Call, input: z.input<typeof ListDeadLettersInput>): Promise<Outcome<Rows<DeadLetter>>> {
      return this.#serve("listDeadLetters", call, ListDeadLettersInput, input, listDeadLetters);
    }

    listAudit(call: Call, input: z.input<typeof ListAuditInput>): Promise<Outcome<Rows<AuditRecord>>> {
      return this.#serve("listAudit", call, ListAuditInput, input, listAudit);
    }

    listFindings(call: Call, input: z.input<typeof ListFindingsInput>): Promise<Outcome<Rows<FindingRecord>>> {
      return this.#serve("listFindings", call, ListFindingsInput, input, listFindings);
    }

    replayDeadLetter(call: Call, input: z.input<typeof ReplayDeadLetterInput>): Promise<Outcome<null>> {
      return this.#serve("replayDeadLetter", call, ReplayDeadLetterInput, input, replayDeadLetter);
    }

    replayDeadLetters(call: Call): Promise<Outcome<{ readonly replayed: number; readonly remaining: number }>> {
      return this.#serve("replayDeadLetters", call, z.undefined(), undefined, replayDeadLetters);
    }

    metrics(call: Call): Promise<Outcome<readonly Metric[]>> {
      return this.#serve("metrics", call, z.undefined(), undefined, async (own) =>
        ok(await readMetrics(own, wiring.metrics(own))),
      );
    }

    overview(call: Call): Promise<Outcome<WorkerOverview>> {
      return this.#serve("overview", call, z.undefined(), undefined, async (own) =>
        ok({ openDeadLetters: await countOpenDeadLetters(own) }),
      );
    }

    health(call: Call): Promise<Outcome<{ readonly database: "up" | "down" }>> {
      return this.#serve("health", call, z.undefined(), undefined, health);
    }

    runSweeps(call: Call, input: z.input<typeof RunSweepsInput>): Promise<Outcome<SweepCounts>> {
      return this.#serve("runSweeps", call, RunSweepsInput, input, async (own, ownCall, { everything }) =>
        ok(await runSweeps(own, wiring, { call: ownCall, everything })),
      );
    }
  };
}
