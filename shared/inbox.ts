// The inbox: delivery is at least once and in any order, and each event has one effect. An effect in D1 is written in one batch with its
// inbox row, the row first, so a second delivery fails on the primary key and changes nothing. An effect elsewhere (an object, Stripe)
// is idempotent under its own key and comes before the row, never after it.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { NotNullViolation, UniqueViolation, commit } from "./database.ts";
import type { Result } from "./database.ts";
import type { Query, Statement } from "./statement.ts";
import { parseEvent } from "./events/envelope.ts";
import type { EventEnvelope } from "./events/envelope.ts";
import type { EventType } from "./events/catalogue.ts";
import { memberText, refuse, setAside } from "./failed-events.ts";
import { log, withInvocation } from "./logger.ts";
import { relay } from "./outbox.ts";
import type { Deps } from "./deps.ts";

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

async function handle(handlers: Handlers, event: EventEnvelope): Promise<Effect> {
  const handler = handlers[event.type] as Handler<EventType> | undefined;
  if (handler === undefined) throw new Error(`no handler for ${event.type}`);
  return await handler(event);
}

/** What is read of a queue's batch. */
type Batch = Pick<MessageBatch, "queue" | "messages">;

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

/** Whether a batch comes from a dead-letter queue. */
export function isOfDeadLetters({ queue }: Batch): boolean {
  return queue.endsWith("-dead-letters");
}

async function consumeDeadLetters(batch: Batch, deps: Deps): Promise<void> {
  for (const message of batch.messages) await setAside(deps, message, null);
}

/** Runs every event's handler at once; those that throw are refused, the rest come back with their effects. */
async function prepare(batch: Batch, deps: Deps, handlers: Handlers): Promise<Prepared[]> {
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
export async function consume(batch: Batch, deps: Deps, handlers: Handlers): Promise<void> {
  const { worker, logLevel: level } = deps;
  const correlationId = memberText(batch.messages[0]?.body, "correlationid");
  await withInvocation({ worker, operation: `queue ${batch.queue}`, correlationId, level }, async () => {
    if (isOfDeadLetters(batch)) await consumeDeadLetters(batch, deps);
    else await consumeEvents(batch, deps, handlers);
  });
}

async function consumeEvents(batch: Batch, deps: Deps, handlers: Handlers): Promise<void> {
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
