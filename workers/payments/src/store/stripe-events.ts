// Stripe's events: each stored once, then processed once or more, to one effect.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { MAX_CHECK_MS, STRIPE_EVENT_RETENTION_MS, WEBHOOK_RETRY_MS } from "../constants.ts";
import { backoffMs } from "../domain/payment.ts";

/**
 * Stores an event; a copy changes nothing. One that tells of no payment is stored
 * as processed; another is the sweep's after `retryMs`.
 */
export function eventInsert(
  event: { id: string; type: string; payload: string },
  aboutPayment: boolean,
  now: number,
  retryMs = WEBHOOK_RETRY_MS,
): SQL {
  return sql`INSERT INTO stripe_events (id, type, payload, received_at, processed_at, next_attempt_at)
    VALUES (${event.id}, ${event.type}, ${event.payload}, ${now}, ${aboutPayment ? null : now},
      ${aboutPayment ? now + retryMs : null})
    ON CONFLICT DO NOTHING`;
}

/** Gives the event's row while it is stored and not processed. `differs` when another body came under its id before. */
export function eventUnprocessed(eventId: string, payload: string): SQL {
  return sql`SELECT *, payload <> ${payload} AS differs FROM stripe_events WHERE id = ${eventId} AND processed_at IS NULL`;
}

/** Those of these ids that are not stored, with the intent's payment here where there is one. */
export function eventsNotStored(events: readonly { readonly id: string; readonly intentId: string }[]): SQL {
  return sql`SELECT value ->> 'id' AS id, EXISTS (SELECT 1 FROM payments
      WHERE stripe_payment_intent_id = value ->> 'intentId') AS known
    FROM json_each(${JSON.stringify(events)})
    WHERE NOT EXISTS (SELECT 1 FROM stripe_events WHERE stripe_events.id = value ->> 'id')`;
}

/** `note` tells why an event was acknowledged without an effect. */
export function eventProcessed(eventId: string, now: number, note: string | null = null): SQL {
  return sql`UPDATE stripe_events SET processed_at = ${now}, next_attempt_at = NULL, error = ${note}
    WHERE id = ${eventId} AND processed_at IS NULL`;
}

export function eventFailed(eventId: string, attempts: number, error: string, now: number): SQL {
  return sql`UPDATE stripe_events SET attempts = ${attempts + 1}, error = ${error},
      next_attempt_at = ${now + backoffMs(attempts, WEBHOOK_RETRY_MS, MAX_CHECK_MS)}
    WHERE id = ${eventId} AND processed_at IS NULL`;
}

export function eventsPurge(now: number): SQL {
  return sql`DELETE FROM stripe_events WHERE processed_at < ${now - STRIPE_EVENT_RETENTION_MS}`;
}
