// What each user has chosen, and the browsers that they are pushed to.
import { sql } from "drizzle-orm";
import { newId } from "#shared/ids";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/outbox";
import { MAX_SUBSCRIPTIONS } from "../constants.ts";
import type { PreferencesRow, PushSubscriptionRow } from "../schema.ts";

export type StoredPreferences = Omit<PreferencesRow, "userId" | "updatedAt">;

/** Undefined for a user who has chosen nothing yet. */
export async function findPreferences(deps: Deps, userId: string): Promise<StoredPreferences | undefined> {
  const rows = await deps.db.all<{ channels: string; phone: string | null; locale: string | null }>(
    sql`SELECT channels, phone, locale FROM preferences WHERE user_id = ${userId}`,
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return { ...row, channels: JSON.parse(row.channels) as PreferencesRow["channels"] };
}

export async function putStored(deps: Deps, userId: string, stored: StoredPreferences): Promise<void> {
  const { channels, phone, locale } = stored;
  await save(deps, [
    sql`INSERT INTO preferences (user_id, channels, phone, locale, updated_at)
      VALUES (${userId}, ${JSON.stringify(channels)}, ${phone}, ${locale}, ${deps.now()})
      ON CONFLICT (user_id) DO UPDATE SET channels = excluded.channels, phone = excluded.phone, locale = excluded.locale,
        updated_at = excluded.updated_at`,
  ]);
}

export type StoredSubscription = Pick<PushSubscriptionRow, "id" | "endpoint" | "createdAt">;

const COLUMNS = sql`id, endpoint, created_at AS createdAt`;

/**
 * The same browser of the same user keeps its id and takes the new keys. Of another user it gets a new id: what is on its way
 * to the former one must not reach who sits there now. Over the limit the oldest goes.
 */
export async function putSubscription(
  deps: Deps,
  userId: string,
  { endpoint, p256dh, auth }: Pick<PushSubscriptionRow, "endpoint" | "p256dh" | "auth">,
): Promise<StoredSubscription | undefined> {
  const { results } = await save(deps, [
    sql`DELETE FROM push_subscriptions WHERE endpoint = ${endpoint} AND user_id <> ${userId}`,
    sql`INSERT INTO push_subscriptions (id, user_id, endpoint, p256dh, auth, created_at)
      VALUES (${newId("psh")}, ${userId}, ${endpoint}, ${p256dh}, ${auth}, ${deps.now()})
      ON CONFLICT (endpoint) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth RETURNING ${COLUMNS}`,
    sql`DELETE FROM push_subscriptions WHERE user_id = ${userId} AND endpoint <> ${endpoint} AND id NOT IN (
      SELECT id FROM push_subscriptions WHERE user_id = ${userId} AND endpoint <> ${endpoint}
      ORDER BY created_at DESC, id DESC LIMIT ${MAX_SUBSCRIPTIONS - 1})`,
  ]);
  return results[1]?.results[0] as StoredSubscription | undefined;
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
