// What every domain Worker answers about its events and sweeps; `DomainWorker` in shared/worker.ts implements it once.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import type { EventEnvelope } from "../events/envelope.ts";
import { CONSUMERS } from "../events/routing.ts";
import type { UnconfirmedEvent } from "../outbox.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";

/**
 * Ids in one question: all producers' sweep pages together are asked about at once, because a cron run may call only 32 Workers.
 * Some 1.2 MB as JSON, under D1's 2 MB for a parameter.
 */
export const MAX_IDS_AT_ONCE = 30_000;

export const UnseenEventsInput = z.object({ ids: z.array(z.string()).max(MAX_IDS_AT_ONCE), everything: z.boolean() });
export const ResendEventsInput = z.object({
  deliveries: z.array(z.object({ id: z.string(), consumer: z.enum(CONSUMERS) })).max(5_000),
});
export const ConfirmEventsInput = z.object({ ids: z.array(z.string()).max(MAX_IDS_AT_ONCE) });
export const ListEventsInput = PageQuery.extend({
  type: z.string().max(100).optional(),
  subject: z.string().max(100).optional(),
  correlationId: z.string().max(200).optional(),
});
export const ListDeadLettersInput = PageQuery;
export const ReplayDeadLetterInput = z.object({ eventId: z.string().max(200) });
export const RunSweepsInput = z.object({
  /** Ignore age and back-off and take everything open. */
  everything: z.boolean(),
});

/** An event that its consumer gave up on. Times in milliseconds since the epoch. */
export interface DeadLetter {
  readonly eventId: string;
  readonly type: string;
  readonly subject: string;
  /** The message as it came, as JSON text. */
  readonly envelope: string;
  readonly attempts: number;
  readonly error: string;
  readonly deadAt: number;
  readonly replayedAt: number | null;
}

/** What each sweep found and did, by its name. */
export type SweepCounts = Readonly<Record<string, number>>;

export interface MessagingContract {
  /** The oldest events of this Worker that are not known to have reached all their consumers, at most SWEEP_LIMIT. */
  unconfirmedEvents(call: Call): Promise<Outcome<readonly UnconfirmedEvent[]>>;
  /** Which of the ids this Worker has neither handled nor keeps as a dead letter nor is about to try again. Idempotent. */
  unseenEvents(call: Call, input: z.input<typeof UnseenEventsInput>): Promise<Outcome<readonly string[]>>;
  /** Sends stored events again; consumers ignore copies, so repeating it is harmless. Answers how many were sent. */
  resendEvents(call: Call, input: z.input<typeof ResendEventsInput>): Promise<Outcome<number>>;
  /** Marks events as delivered to all their consumers. Idempotent. */
  confirmEvents(call: Call, input: z.input<typeof ConfirmEventsInput>): Promise<Outcome<null>>;
  /** The log of events, newest first. Fails with invalid_cursor. */
  listEvents(call: Call, input: z.input<typeof ListEventsInput>): Promise<Outcome<Page<EventEnvelope>>>;
  /** Dead letters, newest first. Fails with invalid_cursor. */
  listDeadLetters(call: Call, input: z.input<typeof ListDeadLettersInput>): Promise<Outcome<Page<DeadLetter>>>;
  /** Sends a dead letter to this Worker's own inbox again; has no effect when it was handled. Fails with not_found. */
  replayDeadLetter(call: Call, input: z.input<typeof ReplayDeadLetterInput>): Promise<Outcome<null>>;
  /** Runs all sweeps of this Worker now. Each is idempotent. */
  runSweeps(call: Call, input: z.input<typeof RunSweepsInput>): Promise<Outcome<SweepCounts>>;
}
