// Stripe's events: each stored once, and processed at least once. An event whose webhook is processed is stored with the result. Also the cursor up to which Stripe's list was compared with them.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Query, RowOf } from "#shared/statement";
import { MAX_CHECK_MS, STRIPE_EVENT_RETENTION_MS, WEBHOOK_RETRY_MS } from "../constants.ts";
import { backoffMs } from "../domain/checks.ts";
import { cursors, stripeEvents } from "../schema.ts";
import type { StripeEventRow } from "../schema.ts";

export const STORED_EVENT = {
  id: stripeEvents.id,
  type: stripeEvents.type,
  payload: stripeEvents.payload,
  attempts: stripeEvents.attempts,
};
export type StoredEvent = Pick<StripeEventRow, keyof typeof STORED_EVENT>;

/**
 * Stores an event; a copy changes nothing. The sweep processes it at `processAt` (ms) if nobody has by then. Null for an event that is
 * not about a payment: it is stored as processed.
 */
export function stripeEventInsert(
  { id, type, payload }: Pick<StoredEvent, "id" | "type" | "payload">,
  { processAt, now }: { readonly processAt: number | null; readonly now: number },
): SQL {
  return sql`INSERT INTO stripe_events (id, type, payload, received_at, processed_at, next_attempt_at)
    VALUES (${id}, ${type}, ${payload}, ${now}, ${processAt === null ? now : null}, ${processAt})
    ON CONFLICT DO NOTHING`;
}

const RECEIVED_EVENT = { ...STORED_EVENT, processedAt: stripeEvents.processedAt };

/** The event's row, if an earlier copy was stored. */
export function receivedEvent(eventId: string): Query<RowOf<typeof RECEIVED_EVENT>> {
  return select(RECEIVED_EVENT, sql`FROM stripe_events WHERE id = ${eventId}`);
}

/** Those of these ids that are not stored. `isOurs` is 1 when the intent has a payment here. */
export function eventsNotStored(
  events: readonly { readonly id: string; readonly intentId: string }[],
): Query<{ readonly id: string; readonly isOurs: number }> {
  return select(
    {
      id: sql<string>`value ->> 'id'`,
      isOurs: sql<number>`EXISTS (SELECT 1 FROM payments WHERE stripe_payment_intent_id = value ->> 'intentId')`,
    },
    sql`FROM json_each(${JSON.stringify(events)})
      WHERE NOT EXISTS (SELECT 1 FROM stripe_events WHERE stripe_events.id = value ->> 'id')`,
  );
}

/** Stores the event as processed. `note` says why it was acknowledged without an effect. */
export function eventProcessed({ id, type, payload }: StoredEvent, now: number, note: string | null = null): SQL {
  return sql`INSERT INTO stripe_events (id, type, payload, received_at, processed_at, error)
    VALUES (${id}, ${type}, ${payload}, ${now}, ${now}, ${note})
    ON CONFLICT (id) DO UPDATE SET processed_at = excluded.processed_at, next_attempt_at = NULL, error = excluded.error
      WHERE processed_at IS NULL`;
}

/** Stores the event for the sweep. */
export function eventFailed({ id, type, payload, attempts }: StoredEvent, error: string, now: number): SQL {
  const nextAttemptAt = now + backoffMs(attempts, { first: WEBHOOK_RETRY_MS, max: MAX_CHECK_MS });
  return sql`INSERT INTO stripe_events (id, type, payload, received_at, attempts, next_attempt_at, error)
    VALUES (${id}, ${type}, ${payload}, ${now}, ${attempts + 1}, ${nextAttemptAt}, ${error})
    ON CONFLICT (id) DO UPDATE SET attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at, error = excluded.error
      WHERE processed_at IS NULL`;
}

export function eventsPurge(now: number): SQL {
  return sql`DELETE FROM stripe_events WHERE processed_at < ${now - STRIPE_EVENT_RETENTION_MS}`;
}

/** Up to when (ms) the comparison has come; no row before the first one. */
export function cursorSelect(name: string): Query<{ readonly at: number }> {
  return select({ at: cursors.at }, sql`FROM marks WHERE name = ${name}`);
}

/** Advances a cursor, never back: of two concurrent sweeps the further one wins. */
export function advanceCursor(name: string, at: number): SQL {
  return sql`INSERT INTO marks (name, at) VALUES (${name}, ${at})
    ON CONFLICT (name) DO UPDATE SET at = max(at, excluded.at)`;
}
