// Dead letters: what a consumer gave up on, kept with its error until an operator sends it again. A replay is a row first and a
// message after: a queue that forgets the message, or a process that dies before it is sent, leaves the row to the sweep.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { z } from "zod";
import type { Call } from "./call.ts";
import { MAX_REPLAYS } from "./contracts/messaging.ts";
import type { DeadLetter, ListDeadLettersInput, ReplayDeadLetterInput, Rows } from "./contracts/messaging.ts";
import { commit, readAll, select } from "./database.ts";
import { fail } from "./errors.ts";
import type { Outcome } from "./errors.ts";
import { redactEnvelope } from "./events/commands.ts";
import type { EventEnvelope } from "./events/envelope.ts";
import { CONSUMERS } from "./events/routing.ts";
import { newId } from "./ids.ts";
import { LOST_RETRY_AFTER_MS } from "./inbox.ts";
import { log } from "./logger.ts";
import { HANDLED, matching } from "./operations.ts";
import { FORGOTTEN_ENVELOPE, sendEvents } from "./outbox.ts";
import type { Deps } from "./deps.ts";
import { ok } from "./result.ts";

/** As long as the longest-lived token of a confidential message is valid: a later replay would only bring a dead link. */
const CONFIDENTIAL_RETENTION_MS = 24 * 60 * 60 * 1_000;

const STATES: Readonly<Record<NonNullable<z.output<typeof ListDeadLettersInput>["state"]>, SQL>> = {
  open: sql`replayed_at IS NULL AND NOT ${HANDLED}`,
  replayed: sql`replayed_at IS NOT NULL AND NOT ${HANDLED}`,
  handled: HANDLED,
};

/** The table is small, so it is sorted rather than indexed. */
export async function listDeadLetters(
  deps: Deps,
  _call: Call,
  { limit, before, type, subject, state }: z.output<typeof ListDeadLettersInput>,
): Promise<Outcome<Rows<DeadLetter>>> {
  const where = matching({ type, subject }, ["dead_at", "event_id"], before);
  const inState = state === undefined ? sql`true` : STATES[state];
  const rows = await deps.db.all<DeadLetter>(sql`SELECT event_id AS eventId, type, subject, envelope, attempts, error,
      dead_at AS deadAt, replayed_at AS replayedAt,
      (SELECT handled_at FROM inbox WHERE inbox.event_id = dead_letters.event_id) AS handledAt
    FROM dead_letters WHERE ${where} AND ${inState} ORDER BY dead_at DESC, event_id DESC LIMIT ${limit}`);
  return ok({ items: rows.map((row) => ({ ...row, envelope: redactEnvelope(row.envelope) })) });
}

/**
 * Sends stored messages to this Worker's own inbox. A queue that refuses is no
 * failure: the rows are marked, and the sweep comes.
 */
async function sendAgain(deps: Deps, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
  const own = CONSUMERS.find((consumer) => consumer === deps.worker);
  if (own === undefined || rows.length === 0) return;
  // Also what is no event: its consumer says so again.
  const bodies = rows.map(({ envelope }) => JSON.parse(String(envelope)) as EventEnvelope);
  try {
    await sendEvents(deps.queues, own, bodies);
  } catch (error) {
    log("warn", "a replay could not be sent; the sweep will", { letters: rows.length, error });
  }
}

/** Marks those of the letters that `which` still holds for, each with its audit row, in one batch; then sends them. */
async function replay(deps: Deps, call: Call, eventIds: readonly string[], which: SQL): Promise<number> {
  const { actor, requestId } = call;
  const now = deps.now();
  const wanted = JSON.stringify(eventIds.map((eventId) => ({ eventId, auditId: newId("aud") })));
  const { results } = await commit(deps.db, [
    sql`INSERT INTO audit_log (id, at, actor_id, actor_role, action, subject, request_id, details)
      SELECT value ->> 'auditId', ${now}, ${actor.id}, ${actor.role}, 'dead_letter.replay', event_id, ${requestId},
        json_object('type', dead_letters.type, 'about', subject)
      FROM json_each(${wanted}) JOIN dead_letters ON event_id = value ->> 'eventId' WHERE ${which}`,
    sql`UPDATE dead_letters SET replayed_at = ${now}
      WHERE event_id IN (SELECT value ->> 'eventId' FROM json_each(${wanted})) AND ${which}
      RETURNING envelope, ${HANDLED} AS handled`,
  ]);
  const marked = results[1]?.results ?? [];
  await sendAgain(
    deps,
    marked.filter(({ handled }) => handled === 0),
  );
  return marked.length;
}

/**
 * Sends one again, unless it was handled: effects outside the database are remembered
 * for a time, a dead letter may be older. Fails with not_found.
 */
export async function replayDeadLetter(
  deps: Deps,
  call: Call,
  { eventId }: z.output<typeof ReplayDeadLetterInput>,
): Promise<Outcome<null>> {
  const replayed = await replay(deps, call, [eventId], sql`true`);
  return replayed === 1 ? ok(null) : fail("not_found", "There is no such dead letter.");
}

/** How many dead letters wait for an operator. */
export async function countOpenDeadLetters({ db }: Deps): Promise<number> {
  const row = await db.first(select({ open: sql<number>`count(*)` }, sql`FROM dead_letters WHERE ${STATES.open}`));
  return row?.open ?? 0;
}

/** Sends the oldest open ones again, at most MAX_REPLAYS. Of two calls at once, each letter is taken by one. */
export async function replayDeadLetters(
  deps: Deps,
  call: Call,
): Promise<Outcome<{ readonly replayed: number; readonly remaining: number }>> {
  const [ids, [counted]] = await readAll<[{ id: string }, { open: number }]>(deps.db, [
    sql`SELECT event_id AS id FROM dead_letters WHERE ${STATES.open} ORDER BY dead_at LIMIT ${MAX_REPLAYS}`,
    sql`SELECT count(*) AS open FROM dead_letters WHERE ${STATES.open}`,
  ]);
  const wanted = ids.map(({ id }) => id);
  const replayed = wanted.length === 0 ? 0 : await replay(deps, call, wanted, STATES.open);
  return ok({ replayed, remaining: Math.max(0, (counted?.open ?? 0) - wanted.length) });
}

/**
 * Sends replays again whose message must be lost: they were neither handled nor failed for LOST_RETRY_AFTER_MS. `everything` ignores
 * that age. A replay that failed too often is an open dead letter again and is left alone. Returns how many were sent.
 */
export async function resendReplays(deps: Deps, { everything }: { readonly everything: boolean }): Promise<number> {
  const now = deps.now();
  const lostBefore = everything ? now : now - LOST_RETRY_AFTER_MS;
  const { results } = await commit(deps.db, {
    marked: sql`UPDATE dead_letters SET replayed_at = ${now} WHERE event_id IN (SELECT event_id FROM dead_letters
        WHERE ${STATES.replayed} AND replayed_at <= ${lostBefore} AND (${everything ? 1 : 0} OR NOT EXISTS (
          SELECT 1 FROM inbox_failures WHERE inbox_failures.event_id = dead_letters.event_id AND retry_at > ${lostBefore}))
        LIMIT ${MAX_REPLAYS})
      RETURNING envelope`,
  });
  await sendAgain(deps, results.marked.rows);
  return results.marked.rows.length;
}

/** Drops the secrets of confidential dead letters that were handled or are too old to be of use. Returns how many. */
export async function forgetDeadLetters(deps: Deps): Promise<number> {
  const { results } = await commit(deps.db, {
    forgotten: sql`UPDATE dead_letters SET envelope = ${FORGOTTEN_ENVELOPE} WHERE type = 'NOTIFICATION_SEND'
      AND (dead_at < ${deps.now() - CONFIDENTIAL_RETENTION_MS} OR ${HANDLED}) AND envelope <> ${FORGOTTEN_ENVELOPE}`,
  });
  return results.forgotten.changes;
}
