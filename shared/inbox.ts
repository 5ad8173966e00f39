// The inbox: delivery is at least once and in any order, and each event has one effect. An effect in D1 is written in one batch with its
// inbox row, the row first, so a second delivery fails on the primary key and changes nothing. An effect elsewhere (an object, Stripe)
// is idempotent under its own key and comes before the row, never after it.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { NotNullViolation, UniqueViolation, commit, returning, select } from "./database.ts";
import type { Query, Result, Statement } from "./database.ts";
import { parseEvent } from "./events/envelope.ts";
import type { EventEnvelope } from "./events/envelope.ts";
import type { EventType } from "./events/catalogue.ts";
import { firstIdAt } from "./ids.ts";
import { log, withInvocation } from "./logger.ts";
import { EVENT_RETENTION_MS, relay } from "./outbox.ts";
import type { Deps } from "./deps.ts";
import { inboxFailures } from "./schema.ts";

/** Tries after the first, as `max_retries` in every consumer's configuration. */
export const MAX_RETRIES = 10;
/** The longest pause between two tries. */
const MAX_BACKOFF_SECONDS = 600;
/** A failed event whose retry is overdue by this much has lost its message, for example in a restart of the local queue, and is resent. */
export const LOST_RETRY_AFTER_MS = 60_000;

/** The rows that one of an effect's statements returned. */
type RowsOf = <Row>(query: Query<Row>) => readonly Row[];

/** What a handler wants written with the inbox row, in one batch. */
export interface Effect {
  readonly statements: readonly Statement[];
  /**
   * An expression that is NULL while the event's subject is not known here, for example
   * `(SELECT 1 FROM orders WHERE id = …)`. The batch is then refused and the event tried again later.
   */
  readonly known?: SQL;
  /** Called when this delivery has committed the effect, and not for a copy that changed nothing. */
  readonly committed?: (rowsOf: RowsOf) => void;
}

export type Handler<T extends EventType> = (event: EventEnvelope<T>) => Effect | Promise<Effect>;
export type Handlers = { readonly [T in EventType]?: Handler<T> };

export const NOTHING: Effect = { statements: [] };

/** The subject of an event is not stored here yet; the event is tried again like any failure. */
class NotYetKnown extends Error {
  override readonly name = "NotYetKnown";
}

/** Thrown by a handler for an event that no later try can handle: it is a dead letter at once. */
export class NonRetryableError extends Error {
  override readonly name = "NonRetryableError";
}

function inboxInsert(event: EventEnvelope, effect: Effect, now: number): SQL {
  const handledAt = effect.known === undefined ? sql`${now}` : sql`iif(${effect.known} IS NULL, NULL, ${now})`;
  return sql`INSERT INTO inbox (event_id, handled_at) VALUES (${event.id}, ${handledAt})`;
}

/** @param results of the effect's statements, in their order */
function notifyCommitted({ statements, committed }: Effect, results: readonly Result<unknown>[]): void {
  committed?.(<Row>(query: Query<Row>) => {
    // The query itself has decoded these rows.
    return (results[statements.indexOf(query)]?.rows ?? []) as readonly Row[];
  });
}

/** Seconds to wait before try number `attempts + 1`: doubling up to ten minutes, half of it random. */
export function backoffSeconds(attempts: number, random: () => number = Math.random): number {
  const ceiling = Math.min(2 ** attempts, MAX_BACKOFF_SECONDS);
  return Math.ceil(ceiling / 2 + (random() * ceiling) / 2);
}

async function handle(handlers: Handlers, event: EventEnvelope): Promise<Effect> {
  const handler = handlers[event.type] as Handler<EventType> | undefined;
  if (handler === undefined) throw new Error(`no handler for ${event.type}`);
  return await handler(event);
}

type Prepared = { readonly message: Message; readonly event: EventEnvelope; readonly effect: Effect };

/** Runs one event's effect and inbox row alone. A second delivery is a success that changes nothing. */
async function commitOne(deps: Deps, { event, effect }: Prepared): Promise<void> {
  try {
    const { events, results } = await commit(deps.db, {
      inbox: inboxInsert(event, effect, deps.now()),
      effect: effect.statements,
    });
    notifyCommitted(effect, results.effect);
    await relay(deps.queues, events);
  } catch (error) {
    if (error instanceof UniqueViolation && error.constraint === "inbox.event_id") return;
    if (error instanceof NotNullViolation && error.column === "inbox.handled_at") {
      throw new NotYetKnown(`${event.subject} is not known yet`, { cause: error });
    }
    throw error;
  }
}

/** Asks for a retry, or gives the event up after the last one or when there is no hope. */
async function refuse(deps: Deps, message: Message, event: EventEnvelope, error: unknown): Promise<void> {
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const delaySeconds = backoffSeconds(message.attempts);
  log("warn", "event failed", { eventId: event.id, type: event.type, attempts: message.attempts, error });
  try {
    const tries = await keepFailure(deps, event, reason, delaySeconds);
    if (tries > MAX_RETRIES || error instanceof NonRetryableError) {
      await keepDeadLetter(deps, event.id, event, reason);
      message.ack();
      return;
    }
  } catch (unkept) {
    // If this were rethrown, the platform would try the batch again without a pause and use up the retries within seconds.
    log("error", "a failure could not be kept", { eventId: event.id, error: unkept });
  }
  message.retry({ delaySeconds });
}

/** Keeps the failure before the retry is asked for, so that its count and reason outlive the queue. Returns the tries so far. */
async function keepFailure(deps: Deps, event: EventEnvelope, reason: string, delaySeconds: number): Promise<number> {
  const now = deps.now();
  const { results } = await commit(deps.db, {
    failure: returning(
      sql`INSERT INTO inbox_failures (event_id, type, attempts, error, failed_at, retry_at)
        VALUES (${event.id}, ${event.type}, 1, ${reason}, ${now}, ${now + delaySeconds * 1_000})
        ON CONFLICT (event_id) DO UPDATE SET attempts = attempts + 1, error = excluded.error,
          failed_at = excluded.failed_at, retry_at = excluded.retry_at`,
      { attempts: inboxFailures.attempts },
    ),
  });
  // The platform counts the tries of one message, and a resent message starts at one. This count goes on.
  return results.failure.rows[0]?.attempts ?? 0;
}

async function keepDeadLetter(deps: Deps, eventId: string, body: unknown, reason: string | null): Promise<void> {
  await commit(deps.db, {
    letter: sql`INSERT INTO dead_letters (event_id, type, subject, envelope, attempts, error, dead_at)
      SELECT ${eventId}, ${memberText(body, "type")}, ${memberText(body, "subject")}, ${JSON.stringify(body)},
        coalesce((SELECT attempts FROM inbox_failures WHERE event_id = ${eventId}), 1),
        coalesce(${reason}, (SELECT error FROM inbox_failures WHERE event_id = ${eventId}), 'the queue gave up'),
        ${deps.now()}
      WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE event_id = ${eventId})
      ON CONFLICT (event_id) DO UPDATE SET attempts = excluded.attempts, error = excluded.error,
        dead_at = excluded.dead_at, replayed_at = NULL`,
    failure: sql`DELETE FROM inbox_failures WHERE event_id = ${eventId}`,
  });
  log("error", "dead letter", { eventId, reason });
}

function memberText(body: unknown, member: string): string {
  const value = typeof body === "object" && body !== null ? (body as Record<string, unknown>)[member] : undefined;
  return typeof value === "string" ? value : "";
}

/** Stores a message as a dead letter. If that fails, the queue delivers it again after a pause, without its batch. */
async function setAside(deps: Deps, message: Message, reason: string | null): Promise<void> {
  const eventId = memberText(message.body, "id") || message.id;
  try {
    await keepDeadLetter(deps, eventId, message.body, reason);
    message.ack();
  } catch (error) {
    log("error", "a dead letter could not be kept", { eventId, error });
    message.retry({ delaySeconds: backoffSeconds(message.attempts) });
  }
}

async function consumeDeadLetters(batch: MessageBatch, deps: Deps): Promise<void> {
  for (const message of batch.messages) await setAside(deps, message, null);
}

/** Runs every event's handler at once; those that throw are refused, the rest come back with their effects. */
async function prepare(batch: MessageBatch, deps: Deps, handlers: Handlers): Promise<Prepared[]> {
  const seen = new Map<string, Promise<Prepared | undefined>>();
  const copies: Message[] = [];
  for (const message of batch.messages) {
    const event = parseEvent(message.body);
    if (event === undefined) {
      // No retry can mend a message that is not an event; it is kept for an operator at once.
      await setAside(deps, message, "not an event of the catalogue");
    } else if (seen.has(event.id)) {
      copies.push(message);
    } else {
      seen.set(event.id, prepareOne(message, event, deps, handlers));
    }
  }
  const prepared = (await Promise.all(seen.values())).filter((item) => item !== undefined);
  // A second copy in the same batch is not needed: if the first fails, its retry handles the event.
  for (const copy of copies) copy.ack();
  return prepared;
}

async function prepareOne(
  message: Message,
  event: EventEnvelope,
  deps: Deps,
  handlers: Handlers,
): Promise<Prepared | undefined> {
  return await inInvocation(deps, event, async () => {
    try {
      return { message, event, effect: await handle(handlers, event) };
    } catch (error) {
      await refuse(deps, message, event, error);
      return undefined;
    }
  });
}

async function inInvocation<T>(deps: Deps, event: EventEnvelope, work: () => Promise<T>): Promise<T> {
  return await withInvocation(
    {
      worker: deps.worker,
      operation: `event ${event.type}`,
      correlationId: event.correlationid,
      level: deps.logLevel,
    },
    work,
  );
}

/**
 * Handles a queue batch: one D1 commit for all its events, or, when that is refused, one for each. Every message is
 * acknowledged or retried by itself. Batches of the dead-letter queue are kept in `dead_letters`.
 */
export async function consume(batch: MessageBatch, deps: Deps, handlers: Handlers): Promise<void> {
  const { worker, logLevel: level } = deps;
  const correlationId = memberText(batch.messages[0]?.body, "correlationid");
  await withInvocation({ worker, operation: `queue ${batch.queue}`, correlationId, level }, async () => {
    if (batch.queue.endsWith("-dead-letters")) await consumeDeadLetters(batch, deps);
    else await consumeEvents(batch, deps, handlers);
  });
}

async function consumeEvents(batch: MessageBatch, deps: Deps, handlers: Handlers): Promise<void> {
  const prepared = await prepare(batch, deps, handlers);
  if (prepared.length > 1 && (await commitAll(deps, prepared))) return;
  for (const item of prepared) {
    await inInvocation(deps, item.event, async () => {
      try {
        await commitOne(deps, item);
        item.message.ack();
      } catch (error) {
        await refuse(deps, item.message, item.event, error);
      }
    });
  }
}

async function commitAll(deps: Deps, prepared: readonly Prepared[]): Promise<boolean> {
  try {
    const batch = prepared.map(({ event, effect }): [string, readonly Statement[]] => [
      event.id,
      [inboxInsert(event, effect, deps.now()), ...effect.statements],
    ]);
    const { events, results } = await commit(deps.db, Object.fromEntries(batch));
    for (const { message, event, effect } of prepared) {
      message.ack();
      notifyCommitted(effect, results[event.id]?.slice(1) ?? []);
    }
    await relay(deps.queues, events);
    return true;
  } catch (error) {
    log("debug", "batch refused; going message by message", { messages: prepared.length, error });
    return false;
  }
}

/**
 * Which of these events this consumer neither handled, nor keeps as a dead letter, nor is about to try again.
 * `everything` also counts those whose retry is still pending.
 */
export async function unseenEvents(
  deps: Deps,
  ids: readonly string[],
  { everything }: { readonly everything: boolean },
): Promise<string[]> {
  const pendingSince = everything ? Number.MAX_SAFE_INTEGER : deps.now() - LOST_RETRY_AFTER_MS;
  const rows = await deps.db.all(
    select(
      { id: sql<string>`value` },
      sql`FROM json_each(${JSON.stringify(ids)})
        WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE event_id = value)
          AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE event_id = value)
          AND NOT EXISTS (SELECT 1 FROM inbox_failures WHERE event_id = value AND retry_at > ${pendingSince})`,
    ),
  );
  return rows.map(({ id }) => id);
}

/** Inbox rows outlive every copy of their event: they go when the outbox row has gone. Returns how many. */
export async function purgeInbox(deps: Deps): Promise<number> {
  const before = deps.now() - 2 * EVENT_RETENTION_MS;
  const { results } = await commit(deps.db, {
    // Ids sort by the time of their event, so the key finds the few that are old enough; `handled_at` has no index.
    rows: sql`DELETE FROM inbox WHERE event_id < ${firstIdAt("evt", before)} AND handled_at < ${before}`,
    failures: sql`DELETE FROM inbox_failures
      WHERE EXISTS (SELECT 1 FROM inbox WHERE inbox.event_id = inbox_failures.event_id)`,
  });
  return results.rows.changes;
}
