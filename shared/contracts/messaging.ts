// What every domain Worker answers about its events and sweeps; `DomainWorker` in shared/worker.ts implements it once.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { CONSUMERS } from "../events/routing.ts";
import type { Metric } from "../metrics.ts";
import type { UnconfirmedEvent } from "../outbox.ts";

/** `open`: waits for an operator. `replayed`: sent once more and not handled yet. */
export const DeadLetterState = z
  .enum(["open", "replayed", "handled"])
  .describe("Whether a dead letter waits for an operator, was sent once more, or was handled.");
export const FindingOutcome = z.enum(["mended", "open"]).describe("Whether the sweep put it right.");

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

/** One row more than the longest page: the extra row tells that there are more. */
const MAX_SLICE = 101;
/** The next rows of one Worker's list, newest first: those after the row with the key `before`. */
const Slice = z.object({
  limit: z.int().min(1).max(MAX_SLICE).default(20),
  before: z
    .array(z.union([z.string(), z.number()]))
    .min(1)
    .max(3)
    .optional(),
});
const Filter = z.string().max(200).optional();
/** Keyed by [id]. */
export const ListEventsInput = Slice.extend({ type: Filter, subject: Filter, correlationId: Filter });
/** The events committed after the place `after`, the first of them first. */
export const ListFeedInput = z.object({
  limit: z.int().min(1).max(MAX_SLICE),
  after: z.int().min(0),
  type: Filter,
  subject: Filter,
  correlationId: Filter,
});
/** Keyed by [deadAt, eventId]. */
export const ListDeadLettersInput = Slice.extend({ type: Filter, subject: Filter, state: DeadLetterState.optional() });
/** Keyed by [id]. */
export const ListAuditInput = Slice.extend({ actor: Filter, subject: Filter, action: Filter });
/** Keyed by [lastFoundAt, kind, subject]. */
export const ListFindingsInput = Slice.extend({ kind: Filter, outcome: FindingOutcome.optional() });
export const ReplayDeadLetterInput = z.object({ eventId: z.string().max(200) });
/** Dead letters replayed by one call: some seconds of work, and their envelopes fit a Worker's memory many times. */
export const MAX_REPLAYS = 500;
export const RunSweepsInput = z.object({
  /** Ignore age and back-off and take everything open. */
  everything: z.boolean(),
});

/** An event of the log. `envelope` is JSON text; what a confidential message says is left out. */
export interface StoredEvent {
  readonly id: string;
  readonly envelope: string;
}

/** An event with the place of its commit among all of its Worker. */
export interface PlacedEvent extends StoredEvent {
  readonly seq: number;
}

/** An event that its consumer gave up on. Times in milliseconds since the epoch. */
export interface DeadLetter {
  readonly eventId: string;
  readonly type: string;
  readonly subject: string;
  /** The message as it came, as JSON text; what a confidential message says is left out. */
  readonly envelope: string;
  readonly attempts: number;
  readonly error: string;
  readonly deadAt: number;
  /** When it was last sent again. */
  readonly replayedAt: number | null;
  /** When a replay had its effect. */
  readonly handledAt: number | null;
}

/** What staff did; see shared/audit.ts. `at` in milliseconds since the epoch, `details` as JSON text. */
export interface AuditRecord {
  readonly id: string;
  readonly at: number;
  readonly actorId: string;
  readonly actorRole: string;
  readonly action: string;
  readonly subject: string;
  readonly requestId: string;
  readonly details: string;
}

/** What a sweep found amiss; see shared/findings.ts. Times in milliseconds since the epoch, `details` as JSON text. */
export interface FindingRecord {
  readonly kind: string;
  readonly subject: string;
  readonly outcome: "mended" | "open";
  readonly times: number;
  readonly firstFoundAt: number;
  readonly lastFoundAt: number;
  readonly details: string;
}

/** Rows of one list, newest first. */
export interface Rows<Row> {
  readonly items: readonly Row[];
  /** The key that a search gave up at, with more to search below it; absent where it ended or has as many as were asked for. */
  readonly reached?: readonly (string | number)[];
}

/** What each sweep found and did, by its name. */
export type SweepCounts = Readonly<Record<string, number>>;

/** A Worker's numbers for the operators' page. Some Workers have more. */
export interface WorkerOverview {
  /** Dead letters that wait for an operator. */
  readonly openDeadLetters: number;
}

export interface MessagingContract {
  /** The oldest events of this Worker that are not known to have reached all their consumers, at most SWEEP_LIMIT. */
  unconfirmedEvents(call: Call): Promise<Outcome<readonly UnconfirmedEvent[]>>;
  /** Which of the ids this Worker has neither handled nor keeps as a dead letter nor is about to try again. Idempotent. */
  unseenEvents(call: Call, input: z.input<typeof UnseenEventsInput>): Promise<Outcome<readonly string[]>>;
  /** Sends stored events again; consumers ignore copies, so repeating it is harmless. Answers how many were sent. */
  resendEvents(call: Call, input: z.input<typeof ResendEventsInput>): Promise<Outcome<number>>;
  /** Marks events as delivered to all their consumers. Idempotent. */
  confirmEvents(call: Call, input: z.input<typeof ConfirmEventsInput>): Promise<Outcome<null>>;
  /** The log of events, newest first. */
  listEvents(call: Call, input: z.input<typeof ListEventsInput>): Promise<Outcome<Rows<StoredEvent>>>;
  /**
   * The log in the order of its commits: whoever has read to a place has read all that was committed before it. `reached` is how far
   * it was searched, wherever fewer rows than asked for are found.
   */
  listFeed(call: Call, input: z.input<typeof ListFeedInput>): Promise<Outcome<Rows<PlacedEvent>>>;
  /** Dead letters, newest first. */
  listDeadLetters(call: Call, input: z.input<typeof ListDeadLettersInput>): Promise<Outcome<Rows<DeadLetter>>>;
  /** The audit log, newest first. */
  listAudit(call: Call, input: z.input<typeof ListAuditInput>): Promise<Outcome<Rows<AuditRecord>>>;
  /** Findings, the last found first. */
  listFindings(call: Call, input: z.input<typeof ListFindingsInput>): Promise<Outcome<Rows<FindingRecord>>>;
  /**
   * Sends a dead letter to this Worker's own inbox again, and has a sweep send it once more should the queue lose it. Has no effect
   * when it was handled. Fails with not_found.
   */
  replayDeadLetter(call: Call, input: z.input<typeof ReplayDeadLetterInput>): Promise<Outcome<null>>;
  /** The same for all open dead letters, at most MAX_REPLAYS, the oldest first. Answers how many, and how many are still open. */
  replayDeadLetters(call: Call): Promise<Outcome<{ readonly replayed: number; readonly remaining: number }>>;
  /** This Worker's figures as gauges: a few bounded queries in one round trip. */
  metrics(call: Call): Promise<Outcome<readonly Metric[]>>;
  /** The numbers of this Worker for the operators' page. */
  overview(call: Call): Promise<Outcome<WorkerOverview>>;
  /** Answers even when the database does not. */
  health(call: Call): Promise<Outcome<{ readonly database: "up" | "down" }>>;
  /** Runs all sweeps of this Worker now. Each is idempotent. */
  runSweeps(call: Call, input: z.input<typeof RunSweepsInput>): Promise<Outcome<SweepCounts>>;
}
