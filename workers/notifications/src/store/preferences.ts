// Each user's preferences and push subscriptions.
import { sql } from "drizzle-orm";
import { newId } from "#shared/ids";
import type { EventEnvelope } from "#shared/events/envelope";
import { outboxInsertFrom, save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { MAX_SUBSCRIPTIONS } from "../constants.ts";
import type { PreferencesRow, PushSubscriptionRow } from "../schema.ts";

export type Chosen = Pick<PreferencesRow, "channels" | "locale">;
export interface StoredPreferences extends Chosen {
  readonly phone: string | null;
  readonly phoneVerified: boolean;
}

/** Without a row the defaults apply. */
export async function findPreferences(deps: Deps, userId: string): Promise<StoredPreferences> {
  const rows = await deps.db.all<{ channels: string; locale: string | null; phone: string | null; proven: number }>(
    sql`SELECT coalesce(preferences.channels, '{}') AS channels, preferences.locale AS locale, phones.phone AS phone,
        phones.proven_at IS NOT NULL AS proven
      FROM (SELECT ${userId} AS id) AS reader
        LEFT JOIN preferences ON preferences.user_id = reader.id LEFT JOIN phones ON phones.user_id = reader.id`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a join of one row gave none");
  const { channels, locale, phone, proven } = row;
  return { channels: JSON.parse(channels) as Chosen["channels"], locale, phone, phoneVerified: proven === 1 };
}

export async function savePreferences(deps: Deps, userId: string, { channels, locale }: Chosen): Promise<void> {
  await save(deps, [
    sql`INSERT INTO preferences (user_id, channels, locale, updated_at)
      VALUES (${userId}, ${JSON.stringify(channels)}, ${locale}, ${deps.now()})
      ON CONFLICT (user_id) DO UPDATE SET channels = excluded.channels, locale = excluded.locale,
        updated_at = excluded.updated_at`,
  ]);
}

export type StoredSubscription = Pick<PushSubscriptionRow, "id" | "endpoint" | "createdAt">;

const COLUMNS = sql`id, endpoint, created_at AS createdAt`;

/**
 * Stores a browser. The user's own browser keeps its id and gets the new keys. Another user's browser gets a new id, so that pushes
 * to the previous user, which name the old id, do not reach it. A browser above the limit replaces the oldest. `warning` is
 * published if the browser is new to the user.
 */
export async function putSubscription(
  deps: Deps,
  userId: string,
  { endpoint, p256dh, auth }: Pick<PushSubscriptionRow, "endpoint" | "p256dh" | "auth">,
  warning: EventEnvelope,
): Promise<StoredSubscription | undefined> {
  const { results } = await save(deps, [
    outboxInsertFrom(
      warning,
      sql`${JSON.stringify(warning)}`,
      sql`WHERE NOT EXISTS (SELECT 1 FROM push_subscriptions WHERE endpoint = ${endpoint} AND user_id = ${userId})`,
    ),
    sql`DELETE FROM push_subscriptions WHERE endpoint = ${endpoint} AND user_id <> ${userId}`,
    sql`INSERT INTO push_subscriptions (id, user_id, endpoint, p256dh, auth, created_at)
      VALUES (${newId("psh")}, ${userId}, ${endpoint}, ${p256dh}, ${auth}, ${deps.now()})
      ON CONFLICT (endpoint) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth RETURNING ${COLUMNS}`,
    sql`DELETE FROM push_subscriptions WHERE user_id = ${userId} AND endpoint <> ${endpoint} AND id NOT IN (
      SELECT id FROM push_subscriptions WHERE user_id = ${userId} AND endpoint <> ${endpoint}
      ORDER BY created_at DESC, id DESC LIMIT ${MAX_SUBSCRIPTIONS - 1})`,
  ]);
  return results[2]?.results[0] as StoredSubscription | undefined;
}

export async function listStoredSubscriptions(deps: Deps, userId: string): Promise<StoredSubscription[]> {
  return await deps.db.all<StoredSubscription>(
    sql`SELECT ${COLUMNS} FROM push_subscriptions WHERE user_id = ${userId} ORDER BY created_at DESC, id DESC`,
  );
}

/** False when the user has no such subscription. */
export async function removeSubscription(deps: Deps, userId: string, id: string): Promise<boolean> {
  const { results } = await save(deps, [
    sql`DELETE FROM push_subscriptions WHERE user_id = ${userId} AND id = ${id} RETURNING id`,
  ]);
  return results[0]?.results.length === 1;
}
