// Dead letters: what a consumer gave up on, kept with its error until an operator sends it again. A replay is
// recorded before its message is sent. If the message is lost or never sent, the sweep finds the record and sends it.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type * as z from "zod";
import type { Call } from "./call.ts";
import { MAX_REPLAYS } from "./contracts/messaging.ts";
import type { DeadLetter, ListDeadLettersInput, ReplayDeadLetterInput, Rows } from "./contracts/messaging.ts";
import { commit, readAll } from "./database.ts";
import { returning, select } from "./statement.ts";
import { fail } from "./errors.ts";
import type { Outcome } from "./errors.ts";
import { redactEnvelope } from "./events/commands.ts";
import type { EventEnvelope } from "./events/envelope.ts";
import { CONSUMERS } from "./events/routing.ts";
import { newId } from "./ids.ts";
import { FORGOTTEN_ENVELOPE, LOST_RETRY_AFTER_MS } from "./deliveries.ts";
import { log } from "./logger.ts";
import { HANDLED, matching, rowsOf } from "./operations.ts";
import { sendEvents } from "./outbox.ts";
import type { Deps } from "./deps.ts";
import { ok } from "./result.ts";
import { deadLetters } from "./schema.ts";
import { searchBack } from "./search.ts";

/** As long as the longest-lived token of a confidential message is valid: a later replay would only bring a dead link. */
const CONFIDENTIAL_RETENTION_MS = 24 * 60 * 60 * 1_000;

const STATES: Readonly<Record<NonNullable<z.output<typeof ListDeadLettersInput>["state"]>, SQL>> = {
  open: sql`replayed_at IS NULL AND NOT ${HANDLED}`,
  replayed: sql`replayed_at IS NOT NULL AND NOT ${HANDLED}`,
  handled: HANDLED,
};

/** Newest first. */
export async function listDeadLetters(
  deps: Deps,
  _call: Call,
  { limit, before, type, subject, state }: z.output<typeof ListDeadLettersInput>,
): Promise<Outcome<Rows<DeadLetter>>> {
  const inState = state === undefined ? sql`true` : STATES[state];
  const found = await searchBack(deps.db, {
    fields: {
      ...getTableColumns(deadLetters),
      handledAt: sql<number | null>`(SELECT handled_at FROM inbox WHERE inbox.event_id = dead_letters.event_id)`,
    },
    table: "dead_letters",
    key: ["dead_at", "event_id"],
    wanted: sql`${matching({ type, subject }, [], undefined)} AND ${inState}`,
    before,
    limit,
  });
  return ok(rowsOf(found, (row) => ({ ...row, envelope: redactEnvelope(row.envelope) })));
}

/** Sends stored messages to this Worker's own queue. One that the queue refuses is sent by the next sweep, because its row says so. */
async function sendReplays(deps: Deps, rows: readonly { readonly envelope: string }[]): Promise<void> {
  const own = CONSUMERS.find((consumer) => consumer === deps.worker);
  if (own === undefined || rows.length === 0) return;
  // A message that is no event is sent too: the consumer makes a dead letter of it again.
  const bodies = rows.map(({ envelope }) => JSON.parse(envelope) as EventEnvelope);
  try {
    await sendEvents(deps.queues, own, bodies);
  } catch (error) {
    log("warn", "a replay could not be sent; the sweep will", { letters: rows.length, error });
  }
}

/** Records the replay of the letters for which `which` holds, each with its audit row, in one batch, and then sends them. */
async function replay(deps: Deps, call: Call, eventIds: readonly string[], which: SQL): Promise<number> {
  const { actor, requestId } = call;
  const now = deps.now();
  const wanted = JSON.stringify(eventIds.map((eventId) => ({ eventId, auditId: newId("aud") })));
  const { results } = await commit(deps.db, {
    audit: sql`INSERT INTO audit_log (id, at, actor_id, actor_role, action, subject, request_id, details)
      SELECT value ->> 'auditId', ${now}, ${actor.id}, ${actor.role}, 'dead_letter.replay', event_id, ${requestId},
        json_object('type', dead_letters.type, 'about', subject)
      FROM json_each(${wanted}) JOIN dead_letters ON event_id = value ->> 'eventId' WHERE ${which}`,
    replayed: returning(
      sql`UPDATE dead_letters SET replayed_at = ${now}
        WHERE event_id IN (SELECT value ->> 'eventId' FROM json_each(${wanted})) AND ${which}`,
      { envelope: deadLetters.envelope, isHandled: sql<number>`${HANDLED}` },
    ),
  });
  const { rows } = results.replayed;
  await sendReplays(
    deps,
    rows.filter(({ isHandled }) => isHandled === 0),
  );
  return rows.length;
}

/**
 * Replays one, and sends it unless it was handled: effects outside the database are remembered for a time only, and a dead letter may be
 * older. Fails with not_found.
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

/** Replays the oldest open ones, at most MAX_REPLAYS. Two concurrent calls do not replay the same letter. */
export async function replayDeadLetters(
  deps: Deps,
  call: Call,
): Promise<Outcome<{ readonly replayed: number; readonly remaining: number }>> {
  const open = sql`FROM dead_letters WHERE ${STATES.open}`;
  const found = await readAll(deps.db, {
    oldest: select({ id: deadLetters.eventId }, sql`${open} ORDER BY dead_at LIMIT ${MAX_REPLAYS}`),
    all: select({ count: sql<number>`count(*)` }, open),
  });
  const wanted = found.oldest.map(({ id }) => id);
  const replayed = wanted.length === 0 ? 0 : await replay(deps, call, wanted, STATES.open);
  return ok({ replayed, remaining: Math.max(0, (found.all[0]?.count ?? 0) - wanted.length) });
}

/**
 * Sends replays again whose message must be lost: they were neither handled nor failed for LOST_RETRY_AFTER_MS. `everything` ignores
 * that age. A replay that failed too often is an open dead letter again and is left alone. Returns how many were sent.
 */
export async function resendReplays(deps: Deps, { everything }: { readonly everything: boolean }): Promise<number> {
  const now = deps.now();
  const lostBefore = everything ? now : now - LOST_RETRY_AFTER_MS;
  const { results } = await commit(deps.db, {
    replays: returning(
      sql`UPDATE dead_letters SET replayed_at = ${now} WHERE event_id IN (SELECT event_id FROM dead_letters
        WHERE ${STATES.replayed} AND replayed_at <= ${lostBefore} AND (${everything ? 1 : 0} OR NOT EXISTS (
          SELECT 1 FROM inbox_failures WHERE inbox_failures.event_id = dead_letters.event_id AND retry_at > ${lostBefore}))
        LIMIT ${MAX_REPLAYS})`,
      { envelope: deadLetters.envelope },
    ),
  });
  await sendReplays(deps, results.replays.rows);
  return results.replays.rows.length;
}

/** Drops the secrets of confidential dead letters that were handled or are too old to be of use. Returns how many. */
export async function forgetDeadLetters(deps: Deps): Promise<number> {
  const { results } = await commit(deps.db, {
    forgotten: sql`UPDATE dead_letters SET envelope = ${FORGOTTEN_ENVELOPE} WHERE type = 'NOTIFICATION_SEND'
      AND (dead_at < ${deps.now() - CONFIDENTIAL_RETENTION_MS} OR ${HANDLED}) AND envelope <> ${FORGOTTEN_ENVELOPE}`,
  });
  return results.forgotten.changes;
}
