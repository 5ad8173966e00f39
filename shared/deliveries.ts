// Whether each event has reached its consumers: what the gateway's sweep asks of the outbox of its producer and the inbox of each
// consumer, and how long both keep their rows.
import { sql } from "drizzle-orm";
import { commit } from "./database.ts";
import { inJson, select } from "./statement.ts";
import type { Deps } from "./deps.ts";
import { CONFIDENTIAL_KINDS } from "./events/commands.ts";
import { parseEvent } from "./events/envelope.ts";
import { CONSUMERS, IS_COUNTED } from "./events/routing.ts";
import type { Consumer, Routed } from "./events/routing.ts";
import { firstIdAt } from "./ids.ts";
import { log } from "./logger.ts";
import { sendEvents } from "./outbox.ts";
import { outbox } from "./schema.ts";

/** How many unconfirmed rows one sweep compares. */
export const SWEEP_LIMIT = 5_000;
/** How many stored events are read at once to be sent again: at their longest 6 MB. */
const RESEND_READ = 50;
/** The first message of a younger event may still arrive; sending it again would only make duplicates. */
export const RESEND_AFTER_MS = 30_000;
/** The outbox is also the log of events; confirmed rows stay this long. */
export const EVENT_RETENTION_MS = 90 * 24 * 60 * 60 * 1_000;
/** A failed event whose retry is overdue by this much has lost its message, for example in a restart of the local queue, and is resent. */
export const LOST_RETRY_AFTER_MS = 60_000;

export interface UnconfirmedEvent extends Routed {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** The oldest events not known to have reached all their consumers. */
export async function unconfirmedEvents(deps: Deps): Promise<UnconfirmedEvent[]> {
  const fields = {
    // SQLite merges the two parts of the view by it, and reads no more than the limit.
    seq: outbox.seq,
    id: outbox.id,
    type: outbox.type,
    isCounted: sql<number>`${sql.raw(IS_COUNTED)}`,
    time: outbox.time,
  };
  const rows = await deps.db.all(
    select(fields, sql`FROM unconfirmed_events AS outbox ORDER BY seq LIMIT ${SWEEP_LIMIT}`),
  );
  return rows.map(({ seq: _seq, isCounted, ...row }) => ({ ...row, counted: isCounted === 1 }));
}

/**
 * Sends stored events again, each only to the consumer that lacks it. A queue that refuses does not keep the others from theirs.
 * Returns how many messages were sent.
 */
export async function resendEvents(
  deps: Deps,
  deliveries: readonly { readonly id: string; readonly consumer: Consumer }[],
): Promise<number> {
  const ids = [...new Set(deliveries.map(({ id }) => id))];
  let sent = 0;
  for (let from = 0; from < ids.length; from += RESEND_READ) {
    const part = new Set(ids.slice(from, from + RESEND_READ));
    sent += await resendPart(
      deps,
      [...part],
      deliveries.filter(({ id }) => part.has(id)),
    );
  }
  return sent;
}

async function resendPart(
  deps: Deps,
  ids: readonly string[],
  deliveries: readonly { readonly id: string; readonly consumer: Consumer }[],
): Promise<number> {
  const rows = await deps.db.all(
    select({ id: outbox.id, envelope: outbox.envelope }, sql`FROM outbox WHERE ${inJson(outbox.id, ids)}`),
  );
  const stored = new Map(rows.map(({ id, envelope }) => [id, parseEvent(JSON.parse(envelope))]));
  let sent = 0;
  for (const consumer of CONSUMERS) {
    const events = deliveries
      .filter((delivery) => delivery.consumer === consumer)
      .flatMap(({ id }) => stored.get(id) ?? []);
    if (events.length === 0) continue;
    try {
      await sendEvents(deps.queues, consumer, events);
      sent += events.length;
    } catch (error) {
      log("warn", "sending again failed; the next sweep tries it too", { consumer, events: events.length, error });
    }
  }
  return sent;
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

const IS_CONFIDENTIAL = sql`type = 'NOTIFICATION_SEND' AND ${inJson(sql`envelope ->> '$.data.kind'`, CONFIDENTIAL_KINDS)}`;

/** The envelope of a confidential command without what it brings, which is as good as a key until it expires. */
const FORGOTTEN = sql`json_set(envelope, '$.data.variables', json('{}'))`;

/** An envelope without what a confidential command brings. */
export const FORGOTTEN_ENVELOPE = sql`iif(${IS_CONFIDENTIAL}, ${FORGOTTEN}, envelope)`;

/**
 * Confirms events that all their consumers have, and drops their secrets. The place up to which events are confirmed moves to the last
 * of them, and those before it that are not among them become late. So an event that arrived within the minute costs no write.
 */
export async function confirmEvents(deps: Deps, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const isAmong = inJson(sql`id`, ids);
  const last = sql`(SELECT max(seq) FROM outbox WHERE ${isAmong})`;
  await commit(deps.db, {
    // Every event up to the last is committed: places are taken in commits.
    late: sql`INSERT INTO outbox_late (seq) SELECT seq FROM outbox
      WHERE seq > (SELECT up_to FROM outbox_confirmed) AND seq < ${last} AND confirmed_at IS NULL AND NOT ${isAmong}`,
    confirmed: sql`UPDATE outbox_confirmed SET up_to = ${last} WHERE up_to < ${last}`,
    arrived: sql`DELETE FROM outbox_late WHERE seq IN (SELECT seq FROM outbox WHERE ${isAmong})`,
    forgotten: sql`UPDATE outbox SET envelope = ${FORGOTTEN} WHERE ${isAmong} AND ${IS_CONFIDENTIAL}`,
  });
}

/** Drops confirmed events past their retention, all but the last: the next one's place follows from it. Returns how many. */
export async function purgeOutbox(deps: Deps): Promise<number> {
  const { results } = await commit(deps.db, {
    // Those that a Worker of the version before has confirmed.
    late: sql`DELETE FROM outbox_late WHERE seq NOT IN (SELECT seq FROM unconfirmed_events)`,
    events: sql`DELETE FROM outbox WHERE id < ${firstIdAt("evt", deps.now() - EVENT_RETENTION_MS)}
      AND id NOT IN (SELECT id FROM unconfirmed_events) AND +seq < (SELECT max(seq) FROM outbox WHERE seq IS NOT NULL)`,
  });
  return results.events.changes;
}

/** Inbox rows outlive every copy of their event: they go when the outbox row has gone. */
export const INBOX_RETENTION_MS = 2 * EVENT_RETENTION_MS;

/** Drops the rows of handled events past their retention. Returns how many. */
export async function purgeInbox(deps: Deps): Promise<number> {
  const before = deps.now() - INBOX_RETENTION_MS;
  const { results } = await commit(deps.db, {
    // Ids sort by the time of their event, so the key finds the few that are old enough; `handled_at` has no index.
    rows: sql`DELETE FROM inbox WHERE event_id < ${firstIdAt("evt", before)} AND handled_at < ${before}`,
    failures: sql`DELETE FROM inbox_failures
      WHERE EXISTS (SELECT 1 FROM inbox WHERE inbox.event_id = inbox_failures.event_id)`,
  });
  return results.rows.changes;
}
