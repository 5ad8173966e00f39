// The methods that every domain Worker has: for its events, sweeps, findings and figures.
import * as messaging from "./contracts/messaging.ts";
import { countOpenDeadLetters, listDeadLetters, replayDeadLetter, replayDeadLetters } from "./dead-letters.ts";
import type { Deps } from "./deps.ts";
import { confirmEvents, resendEvents, unconfirmedEvents, unseenEvents } from "./deliveries.ts";
import { readMetrics } from "./metrics.ts";
import type { MetricQuery } from "./metrics.ts";
import { health, listAudit, listEvents, listFeed, listFindings } from "./operations.ts";
import { ok } from "./result.ts";
import { method } from "./rpc.ts";
import type { Methods } from "./rpc.ts";
import { runSweeps } from "./sweep.ts";
import type { SweepPlan } from "./sweep.ts";

/** What differs between the Workers: their sweeps and figures. */
export interface OwnParts<D extends Deps> extends SweepPlan<D> {
  /** The Worker's own figures, beside those that all Workers have. */
  readonly metrics: (deps: D) => readonly MetricQuery[];
}

export function messagingMethods<D extends Deps>(own: OwnParts<D>): Methods<D, messaging.MessagingContract> {
  return {
    unconfirmedEvents: async (deps) => ok(await unconfirmedEvents(deps)),
    unseenEvents: method(messaging.UnseenEventsInput, async (deps, _call, { ids, everything }) =>
      ok(await unseenEvents(deps, ids, { everything })),
    ),
    resendEvents: method(messaging.ResendEventsInput, async (deps, _call, { deliveries }) =>
      ok(await resendEvents(deps, deliveries)),
    ),
    confirmEvents: method(messaging.ConfirmEventsInput, async (deps, _call, { ids }) => {
      await confirmEvents(deps, ids);
      return ok(null);
    }),
    listEvents: method(messaging.ListEventsInput, listEvents),
    listFeed: method(messaging.ListFeedInput, listFeed),
    listDeadLetters: method(messaging.ListDeadLettersInput, listDeadLetters),
    listAudit: method(messaging.ListAuditInput, listAudit),
    listFindings: method(messaging.ListFindingsInput, listFindings),
    replayDeadLetter: method(messaging.ReplayDeadLetterInput, replayDeadLetter),
    replayDeadLetters,
    metrics: async (deps) => ok(await readMetrics(deps, own.metrics(deps))),
    overview: async (deps) => ok({ openDeadLetters: await countOpenDeadLetters(deps) }),
    health,
    runSweeps: method(messaging.RunSweepsInput, async (deps, call, { everything }) =>
      ok(await runSweeps(deps, own, { call, everything })),
    ),
  };
}
