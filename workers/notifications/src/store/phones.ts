// Each user's phone number and the code that proves it.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { mustChange, readAll } from "#shared/database";
import { returning, select } from "#shared/statement";
import type { Query } from "#shared/statement";
import type { EventEnvelope } from "#shared/events/envelope";
import { outboxInsertFrom, save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { DAY_MS, MAX_PHONE_CODE_TRIES, PHONE_CODE_TTL_MS } from "../constants.ts";
import type { CeilingDeps } from "./ceilings.ts";
import { phones } from "../schema.ts";
import type { InsertedRow } from "./draft.ts";

export interface PhoneCode {
  readonly userId: string;
  readonly phone: string;
  readonly codeHash: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The text message with a code. */
interface CodeText {
  readonly notificationId: string;
  readonly insert: Query<InsertedRow>;
  /** Digest of an unproven account's client network; undefined for a proven account. */
  readonly unprovenNetwork: string | undefined;
}

/** Counts a code of an unproven account. Fails with StaleWrite when the network has used up its codes for the day. */
function countUnproven({ now, ceilings }: CeilingDeps, notificationId: string, network: string): SQL[] {
  return [
    sql`INSERT INTO unproven_codes (notification_id, network, sent_at) SELECT ${notificationId}, ${network}, ${now()}
      WHERE (SELECT count(*) FROM unproven_codes WHERE network = ${network} AND sent_at > ${now() - DAY_MS})
        < ${ceilings.unprovenCodesPerDay}`,
    mustChange(),
  ];
}

/**
 * Writes the text message and, unless a ceiling holds it back, the code, which replaces the user's previous one.
 * @throws StaleWrite when the network's unproven accounts have used up their codes.
 */
export async function writeCode(
  deps: CeilingDeps,
  { userId, phone, codeHash, expiresAt }: PhoneCode,
  { notificationId, insert, unprovenNetwork }: CodeText,
): Promise<readonly InsertedRow[]> {
  const { text } = await save(deps, {
    counted: unprovenNetwork === undefined ? [] : countUnproven(deps, notificationId, unprovenNetwork),
    text: insert,
    code: sql`INSERT INTO phone_codes (user_id, phone, code_hash, tries, expires_at)
      SELECT ${userId}, ${phone}, ${codeHash}, 0, ${expiresAt} FROM notifications
      WHERE id = ${notificationId} AND status = 'pending'
      ON CONFLICT (user_id) DO UPDATE SET phone = excluded.phone, code_hash = excluded.code_hash, tries = 0,
        expires_at = excluded.expires_at`,
    // A held-back code was not sent, so it does not count.
    uncounted: sql`DELETE FROM unproven_codes WHERE notification_id = ${notificationId}
      AND NOT EXISTS (SELECT 1 FROM notifications WHERE id = ${notificationId} AND status = 'pending')`,
  });
  return text.rows;
}

/** When a network's unproven accounts may have another code, in milliseconds since the epoch. */
export async function nextUnprovenCodeAt(deps: Deps, network: string): Promise<number> {
  const since = deps.now() - DAY_MS;
  const oldest = select(
    { at: sql<number | null>`min(sent_at)` },
    sql`FROM unproven_codes WHERE network = ${network} AND sent_at > ${since}`,
  );
  return ((await deps.db.first(oldest))?.at ?? since) + DAY_MS;
}

/** When the number and the user may have another text message, in milliseconds since the epoch. */
export async function nextTextAt(deps: Deps, userId: string, phone: string): Promise<number> {
  const since = deps.now() - DAY_MS;
  const oldest = (condition: SQL): Query<{ readonly at: number | null }> =>
    select(
      { at: sql<number | null>`min(created_at)` },
      sql`FROM notifications WHERE channel = 'sms' AND ${condition} AND created_at > ${since} AND status <> 'held_back'`,
    );
  const { toNumber, ofUser } = await readAll(deps.db, {
    toNumber: oldest(sql`recipient = ${phone}`),
    ofUser: oldest(sql`user_id = ${userId}`),
  });
  return Math.max(...[...toNumber, ...ofUser].map(({ at }) => at ?? since)) + DAY_MS;
}

/**
 * Counts the try and, if the code is right, stores the number as proven. The same code again changes nothing. `event` is published if
 * the number is new. False when the code is wrong. @throws StaleWrite when there is no code, or it has expired or been tried too often.
 */
export async function proveNumber(
  deps: Deps,
  userId: string,
  codeHash: string,
  event: EventEnvelope,
): Promise<boolean> {
  const now = deps.now();
  const isRight = sql`phone_codes.user_id = ${userId} AND phone_codes.code_hash = ${codeHash}`;
  const isNew = sql`NOT EXISTS (SELECT 1 FROM phones WHERE phones.user_id = ${userId} AND phones.phone = phone_codes.phone
    AND proven_at IS NOT NULL)`;
  const { proven } = await save(deps, {
    tried: sql`UPDATE phone_codes SET tries = tries + 1
      WHERE user_id = ${userId} AND tries < ${MAX_PHONE_CODE_TRIES} AND expires_at > ${now}`,
    allowed: mustChange(),
    event: outboxInsertFrom(event, sql`${JSON.stringify(event)}`, sql`FROM phone_codes WHERE ${isRight} AND ${isNew}`),
    proven: returning(
      sql`INSERT INTO phones (user_id, phone, proven_at, set_at)
        SELECT user_id, phone, ${now}, ${now} FROM phone_codes WHERE ${isRight}
        ON CONFLICT (user_id) DO UPDATE SET phone = excluded.phone, proven_at = excluded.proven_at, set_at = excluded.set_at`,
      { phone: phones.phone },
    ),
  });
  return proven.rows.length === 1;
}

/** Deletes the number and a code that has been sent. */
export async function dropPhone(deps: Deps, userId: string): Promise<void> {
  await save(deps, {
    number: sql`DELETE FROM phones WHERE user_id = ${userId}`,
    code: sql`DELETE FROM phone_codes WHERE user_id = ${userId}`,
  });
}

/** Deletes browsers and phone number from before a password change: somebody else may have added them. */
export function removeContactPoints({ data: { userId }, time }: EventEnvelope<"PASSWORD_CHANGED">): SQL[] {
  const changedAt = Date.parse(time);
  return [
    sql`DELETE FROM push_subscriptions WHERE user_id = ${userId} AND created_at <= ${changedAt}`,
    sql`DELETE FROM phones WHERE user_id = ${userId} AND set_at <= ${changedAt}`,
    sql`DELETE FROM phone_codes WHERE user_id = ${userId} AND expires_at <= ${changedAt + PHONE_CODE_TTL_MS}`,
  ];
}
