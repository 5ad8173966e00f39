// The transactional outbox. An event's row is written in the same D1 batch as the change it tells of, and sent right after
// the commit. Sending does not change the row, because the queue may still lose the message. The event is confirmed when every consumer
// has handled it or keeps it as a dead letter, which the gateway's sweep finds out by comparing (shared/deliveries.ts).
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { COMMITTED_EVENT, commit } from "./database.ts";
import type { Batch, Results } from "./database.ts";
import type { Deps, InboxQueues } from "./deps.ts";
import type { EventEnvelope } from "./events/envelope.ts";
import { CONSUMERS, consumersOf, routeOf } from "./events/routing.ts";
import type { Consumer } from "./events/routing.ts";
import { newId } from "./ids.ts";
import { log, logCost } from "./logger.ts";

/** Queues takes 100 messages or 256 KB a batch (https://developers.cloudflare.com/queues/platform/limits/). */
const MAX_BATCH_MESSAGES = 100;
const MAX_BATCH_BYTES = 256_000;
/** What Queues adds to each message is about 100 bytes. */
const MESSAGE_OVERHEAD_BYTES = 200;
/** Queues takes 128 KB a message. No event may be longer: workers/orders/test/large.test.ts makes the longest. */
export const MAX_EVENT_BYTES = 127_000;

function queueOf(queues: InboxQueues, consumer: Consumer): Queue {
  const queue = queues[`${consumer.toUpperCase() as Uppercase<Consumer>}_INBOX`];
  if (queue === undefined) throw new Error(`no queue binding for ${consumer}`);
  return queue;
}

/** Writes the event's row, always. The statement returns the envelope, so that `commit` knows what to send. */
export function outboxInsert(event: EventEnvelope): SQL {
  return outboxInsertFrom(event, sql`${JSON.stringify(event)}`, sql`WHERE true`);
}

/**
 * Writes an event whose envelope is computed in SQL, for handlers that must not read first. `envelope` is an expression giving
 * JSON text; `from` is the rest of the SELECT (`FROM … WHERE …`) and decides whether there is an event at all.
 */
export function outboxInsertFrom(
  event: Pick<EventEnvelope, "id" | "type" | "subject" | "correlationid" | "time">,
  envelope: SQL,
  from: SQL,
): SQL {
  return sql`INSERT INTO outbox (id, type, subject, correlation_id, time, envelope, seq)
    SELECT ${event.id}, ${event.type}, ${event.subject}, ${event.correlationid}, ${Date.parse(event.time)}, ${envelope},
      coalesce((SELECT max(seq) FROM outbox WHERE seq IS NOT NULL), 0) + 1 ${from}
    RETURNING envelope AS ${sql.identifier(COMMITTED_EVENT)}`;
}

const utf8 = new TextEncoder();

/** How long an event is in a queue. */
export function bytesOf(event: EventEnvelope): number {
  return utf8.encode(JSON.stringify(event)).byteLength;
}

function batches(events: readonly EventEnvelope[]): readonly (readonly EventEnvelope[])[] {
  // Most often it is one event, which need not be measured.
  if (events.length === 1) return [events];
  const result: EventEnvelope[][] = [];
  let bytes = 0;
  for (const event of events) {
    const size = bytesOf(event) + MESSAGE_OVERHEAD_BYTES;
    const last = result.at(-1);
    if (last === undefined || last.length === MAX_BATCH_MESSAGES || bytes + size > MAX_BATCH_BYTES) {
      result.push([event]);
      bytes = size;
    } else {
      last.push(event);
      bytes += size;
    }
  }
  return result;
}

/** Sends messages to one consumer in batches that Queues takes. Throws when its queue refuses. */
export async function sendEvents(
  queues: InboxQueues,
  consumer: Consumer,
  events: readonly EventEnvelope[],
): Promise<void> {
  const queue = queueOf(queues, consumer);
  for (const group of batches(events)) {
    const [only] = group;
    if (group.length === 1 && only !== undefined) await queue.send(only);
    else await queue.sendBatch(group.map((body) => ({ body })));
    logCost({ messagesSent: group.length });
  }
}

/** Sends committed events to their consumers. A failure is only logged: the rows are safe and the sweep sends them again. */
export async function relay(queues: InboxQueues, events: readonly EventEnvelope[]): Promise<void> {
  await Promise.all(
    CONSUMERS.map(async (consumer) => {
      const theirs = events.filter((event) => consumersOf(routeOf(event)).includes(consumer));
      if (theirs.length === 0) return;
      try {
        await sendEvents(queues, consumer, theirs);
      } catch (error) {
        log("warn", "relay failed; the outbox sweep will send again", { consumer, events: theirs.length, error });
      }
    }),
  );
}

/**
 * Commits a batch and relays its events without making the caller wait for the queues. Every write of a use case goes through here.
 * Answers the results under the names of the statements.
 * @throws as `commit`
 */
export async function save<const B extends Batch>(deps: Deps, batch: B): Promise<Results<B>> {
  const { results, events } = await commit(deps.db, batch);
  if (events.length > 0) deps.waitUntil(relay(deps.queues, events));
  return results;
}

/**
 * Publishes an event's content again for some of its consumers, where it had no effect, as a dead letter has none. It gets a new id,
 * because their inboxes have the old one. Its row is written as confirmed, so that the outbox sweep does not send it to the other
 * consumers. If this copy is lost too, the sweep that called this finds the same order again.
 */
export async function republishEvent(deps: Deps, event: EventEnvelope, consumers: readonly Consumer[]): Promise<void> {
  const now = deps.now();
  const copy: EventEnvelope = { ...event, id: newId("evt"), time: new Date(now).toISOString(), causationid: event.id };
  await commit(deps.db, {
    event: outboxInsert(copy),
    confirmed: sql`UPDATE outbox SET confirmed_at = ${now} WHERE id = ${copy.id}`,
  });
  for (const consumer of consumers) await sendEvents(deps.queues, consumer, [copy]);
}
