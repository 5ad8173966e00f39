// The RPC methods that every domain Worker has, for its events, sweeps, findings and metrics. shared/messaging.ts implements them.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { CONSUMERS } from "../events/routing.ts";
import type { Metric } from "../metrics.ts";
import type { UnconfirmedEvent } from "../deliveries.ts";

export const DeadLetterState = z
  .enum(["open", "replayed", "handled"])
  .describe(
    "open: waits for an operator. replayed: sent again and not handled yet. handled: the replay had its effect.",
  );
export const FindingOutcome = z.enum(["mended", "open"]).describe("Whether the sweep corrected it.");

/**
 * Ids in one call. The gateway's sweep queries the events of all producers together, because a cron run may call only 32 Workers.
 * They are some 1.2 MB of JSON; D1 allows 2 MB for a parameter.
 */
export const MAX_IDS_AT_ONCE = 30_000;

export const UnseenEventsInput = z.object({ ids: z.array(z.string()).max(MAX_IDS_AT_ONCE), everything: z.boolean() });
export const ResendEventsInput = z.object({
  deliveries: z.array(z.object({ id: z.string(), consumer: z.enum(CONSUMERS) })).max(5_000),
});
export const ConfirmEventsInput = z.object({ ids: z.array(z.string()).max(MAX_IDS_AT_ONCE) });

/** One row more than the longest page: the extra row shows that there is another page. */
const MAX_SLICE = 101;
/** A page of one Worker's list, newest first: the rows after the row with the key `before`. */
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
/** The events committed after position `after`, in order. */
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
/** Dead letters replayed by one call: a few seconds of work, far within a Worker's memory. */
export const MAX_REPLAYS = 500;
export const RunSweepsInput = z.object({
  /** Ignores ages and pauses. */
  everything: z.boolean(),
});

/** A logged event. `envelope` is JSON text without the variables of confidential commands. */
export interface StoredEvent {
  readonly id: string;
  readonly envelope: string;
}

/** An event with its position in the order of its Worker's commits. */
export interface PlacedEvent extends StoredEvent {
  readonly seq: number;
}

/** An event that its consumer gave up on. Times in milliseconds since the epoch. */
export interface DeadLetter {
  readonly eventId: string;
  readonly type: string;
  readonly subject: string;
  /** The message as JSON text, without the variables of confidential commands. */
  readonly envelope: string;
  readonly attempts: number;
  readonly error: string;
  readonly deadAt: number;
  /** When it was last replayed. */
  readonly replayedAt: number | null;
  /** When a replay had its effect. */
  readonly handledAt: number | null;
}

/** An action of staff; see shared/audit.ts. `at` in milliseconds since the epoch, `details` as JSON text. */
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

/** An inconsistency that a sweep found; see shared/findings.ts. Times in milliseconds since the epoch, `details` as JSON text. */
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
  /** The key at which a search stopped before the end of the list. Absent when it reached the end or filled the page. */
  readonly reached?: readonly (string | number)[];
}

/** Counts of what each sweep found, by name. */
export type SweepCounts = Readonly<Record<string, number>>;

/** A Worker's numbers for the operators' page. Some Workers have more. */
export interface WorkerOverview {
  /** Dead letters that wait for an operator. */
  readonly openDeadLetters: number;
}

export interface MessagingContract {
  /** This Worker's oldest unconfirmed events, at most SWEEP_LIMIT. */
  unconfirmedEvents(call: Call): Promise<Outcome<readonly UnconfirmedEvent[]>>;
  /** The ids that this Worker has neither handled, nor stored as dead letters, nor scheduled for a retry. Idempotent. */
  unseenEvents(call: Call, input: z.input<typeof UnseenEventsInput>): Promise<Outcome<readonly string[]>>;
  /** Sends stored events again. Consumers ignore copies, so a repeated call is harmless. Returns how many were sent. */
  resendEvents(call: Call, input: z.input<typeof ResendEventsInput>): Promise<Outcome<number>>;
  /** Marks events as delivered to all their consumers. Idempotent. */
  confirmEvents(call: Call, input: z.input<typeof ConfirmEventsInput>): Promise<Outcome<null>>;
  /** The log of events, newest first. */
  listEvents(call: Call, input: z.input<typeof ListEventsInput>): Promise<Outcome<Rows<StoredEvent>>>;
  /**
   * The log in commit order: a reader at a position has read everything committed before it. When fewer rows than `limit` match, `reached`
   * is the last position searched.
   */
  listFeed(call: Call, input: z.input<typeof ListFeedInput>): Promise<Outcome<Rows<PlacedEvent>>>;
  /** Dead letters, newest first. */
  listDeadLetters(call: Call, input: z.input<typeof ListDeadLettersInput>): Promise<Outcome<Rows<DeadLetter>>>;
  /** The audit log, newest first. */
  listAudit(call: Call, input: z.input<typeof ListAuditInput>): Promise<Outcome<Rows<AuditRecord>>>;
  /** Findings, the most recently found first. */
  listFindings(call: Call, input: z.input<typeof ListFindingsInput>): Promise<Outcome<Rows<FindingRecord>>>;
  /**
   * Sends a dead letter to this Worker's own inbox again. If the queue loses it, a sweep sends it once more. Has no effect on a handled
   * one. Fails with not_found.
   */
  replayDeadLetter(call: Call, input: z.input<typeof ReplayDeadLetterInput>): Promise<Outcome<null>>;
  /** Replays open dead letters, the oldest first, at most MAX_REPLAYS. Returns how many, and how many are still open. */
  replayDeadLetters(call: Call): Promise<Outcome<{ readonly replayed: number; readonly remaining: number }>>;
  /** This Worker's metrics as gauges: a few bounded queries in one round trip. */
  metrics(call: Call): Promise<Outcome<readonly Metric[]>>;
  /** The numbers of this Worker for the operators' page. */
  overview(call: Call): Promise<Outcome<WorkerOverview>>;
  /** Succeeds even when the database is down. */
  health(call: Call): Promise<Outcome<{ readonly database: "up" | "down" }>>;
  /** Runs all sweeps of this Worker now. Each is idempotent. */
  runSweeps(call: Call, input: z.input<typeof RunSweepsInput>): Promise<Outcome<SweepCounts>>;
}
