// Each user's preferences and push subscriptions.
import { sql } from "drizzle-orm";
import * as z from "zod";
import { Channel } from "#shared/contracts/notifications";
import { readAll } from "#shared/database";
import { returning, select } from "#shared/statement";
import type { RowOf } from "#shared/statement";
import type { Deps } from "#shared/deps";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { outboxInsertFrom, save } from "#shared/outbox";
import { MAX_SUBSCRIPTIONS } from "../constants.ts";
import { phones, preferences, pushSubscriptions } from "../schema.ts";
import type { PushSubscriptionRow } from "../schema.ts";

const ChannelsByKind = z.record(z.string(), z.array(Channel));

export interface Chosen {
  readonly channels: Readonly<Record<string, readonly Channel[]>>;
  readonly locale: string | null;
}

export interface StoredPreferences extends Chosen {
  readonly phone: string | null;
  readonly phoneVerified: boolean;
}

/** Without a row the defaults apply. */
export async function findPreferences(deps: Deps, userId: string): Promise<StoredPreferences> {
  const { chosen, numbers } = await readAll(deps.db, {
    chosen: select(
      { channels: preferences.channels, locale: preferences.locale },
      sql`FROM preferences WHERE user_id = ${userId}`,
    ),
    numbers: select({ phone: phones.phone, provenAt: phones.provenAt }, sql`FROM phones WHERE user_id = ${userId}`),
  });
  return {
    channels: ChannelsByKind.parse(chosen[0]?.channels ?? {}),
    locale: chosen[0]?.locale ?? null,
    phone: numbers[0]?.phone ?? null,
    phoneVerified: typeof numbers[0]?.provenAt === "number",
  };
}

export async function savePreferences(deps: Deps, userId: string, { channels, locale }: Chosen): Promise<void> {
  await save(deps, {
    preferences: sql`INSERT INTO preferences (user_id, channels, locale, updated_at)
      VALUES (${userId}, ${JSON.stringify(channels)}, ${locale}, ${deps.now()})
      ON CONFLICT (user_id) DO UPDATE SET channels = excluded.channels, locale = excluded.locale,
        updated_at = excluded.updated_at`,
  });
}

const SUBSCRIPTION = {
  id: pushSubscriptions.id,
  endpoint: pushSubscriptions.endpoint,
  createdAt: pushSubscriptions.createdAt,
};
export type StoredSubscription = RowOf<typeof SUBSCRIPTION>;

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
  const { stored } = await save(deps, {
    warning: outboxInsertFrom(
      warning,
      sql`${JSON.stringify(warning)}`,
      sql`WHERE NOT EXISTS (SELECT 1 FROM push_subscriptions WHERE endpoint = ${endpoint} AND user_id = ${userId})`,
    ),
    othersBrowser: sql`DELETE FROM push_subscriptions WHERE endpoint = ${endpoint} AND user_id <> ${userId}`,
    stored: returning(
      sql`INSERT INTO push_subscriptions (id, user_id, endpoint, p256dh, auth, created_at)
        VALUES (${newId("psh")}, ${userId}, ${endpoint}, ${p256dh}, ${auth}, ${deps.now()})
        ON CONFLICT (endpoint) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth`,
      SUBSCRIPTION,
    ),
    oldest: sql`DELETE FROM push_subscriptions WHERE user_id = ${userId} AND endpoint <> ${endpoint} AND id NOT IN (
      SELECT id FROM push_subscriptions WHERE user_id = ${userId} AND endpoint <> ${endpoint}
      ORDER BY created_at DESC, id DESC LIMIT ${MAX_SUBSCRIPTIONS - 1})`,
  });
  return stored.rows[0];
}

export async function listStoredSubscriptions(deps: Deps, userId: string): Promise<StoredSubscription[]> {
  return await deps.db.all(
    select(SUBSCRIPTION, sql`FROM push_subscriptions WHERE user_id = ${userId} ORDER BY created_at DESC, id DESC`),
  );
}

/** False when the user has no such subscription. */
export async function removeSubscription(deps: Deps, userId: string, id: string): Promise<boolean> {
  const { removed } = await save(deps, {
    removed: sql`DELETE FROM push_subscriptions WHERE user_id = ${userId} AND id = ${id}`,
  });
  return removed.changes === 1;
}
