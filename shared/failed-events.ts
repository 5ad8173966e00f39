// Events that a consumer could not handle: how often and how soon they are tried again, and how they become dead letters.
import { sql } from "drizzle-orm";
import { commit } from "./database.ts";
import { returning } from "./statement.ts";
import type { Deps } from "./deps.ts";
import type { EventEnvelope } from "./events/envelope.ts";
import { log } from "./logger.ts";
import { inboxFailures } from "./schema.ts";

/** Tries after the first, as `max_retries` in every consumer's configuration. */
export const MAX_RETRIES = 10;
/** The longest pause between two tries. */
const MAX_BACKOFF_SECONDS = 600;

/** Thrown by a handler for an event that no later try can handle: it is a dead letter at once. */
export class NonRetryableError extends Error {
  override readonly name = "NonRetryableError";
}

/** Seconds to wait before try number `attempts + 1`: doubling up to ten minutes, half of it random. */
export function backoffSeconds(attempts: number, random: () => number = Math.random): number {
  const ceiling = Math.min(2 ** attempts, MAX_BACKOFF_SECONDS);
  return Math.ceil(ceiling / 2 + (random() * ceiling) / 2);
}

/** Asks for a retry, or gives the event up after the last one or when there is no hope. */
export async function refuse(deps: Deps, message: Message, event: EventEnvelope, error: unknown): Promise<void> {
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const delaySeconds = backoffSeconds(message.attempts);
  log("warn", "event failed", { eventId: event.id, type: event.type, attempts: message.attempts, error });
  try {
    const tries = await keepFailure(deps, event, reason, delaySeconds);
    if (tries > MAX_RETRIES || error instanceof NonRetryableError) {
      await keepDeadLetter(deps, event.id, event, reason);
      message.ack();
      return;
    }
  } catch (unkept) {
    // If this were rethrown, the platform would try the batch again without a pause and use up the retries within seconds.
    log("error", "a failure could not be kept", { eventId: event.id, error: unkept });
  }
  message.retry({ delaySeconds });
}

/** Keeps the failure before the retry is asked for, so that its count and reason outlive the queue. Returns the tries so far. */
async function keepFailure(deps: Deps, event: EventEnvelope, reason: string, delaySeconds: number): Promise<number> {
  const now = deps.now();
  const { results } = await commit(deps.db, {
    failure: returning(
      sql`INSERT INTO inbox_failures (event_id, type, attempts, error, failed_at, retry_at)
        VALUES (${event.id}, ${event.type}, 1, ${reason}, ${now}, ${now + delaySeconds * 1_000})
        ON CONFLICT (event_id) DO UPDATE SET attempts = attempts + 1, error = excluded.error,
          failed_at = excluded.failed_at, retry_at = excluded.retry_at`,
      { attempts: inboxFailures.attempts },
    ),
  });
  // The platform counts the tries of one message, and a resent message starts at one. This count goes on.
  return results.failure.rows[0]?.attempts ?? 0;
}

async function keepDeadLetter(deps: Deps, eventId: string, body: unknown, reason: string | null): Promise<void> {
  await commit(deps.db, {
    letter: sql`INSERT INTO dead_letters (event_id, type, subject, envelope, attempts, error, dead_at)
      SELECT ${eventId}, ${memberText(body, "type")}, ${memberText(body, "subject")}, ${JSON.stringify(body)},
        coalesce((SELECT attempts FROM inbox_failures WHERE event_id = ${eventId}), 1),
        coalesce(${reason}, (SELECT error FROM inbox_failures WHERE event_id = ${eventId}), 'the queue gave up'),
        ${deps.now()}
      WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE event_id = ${eventId})
      ON CONFLICT (event_id) DO UPDATE SET attempts = excluded.attempts, error = excluded.error,
        dead_at = excluded.dead_at, replayed_at = NULL`,
    failure: sql`DELETE FROM inbox_failures WHERE event_id = ${eventId}`,
  });
  log("error", "dead letter", { eventId, reason });
}

export function memberText(body: unknown, member: string): string {
  const value = typeof body === "object" && body !== null ? (body as Record<string, unknown>)[member] : undefined;
  return typeof value === "string" ? value : "";
}

/** Stores a message as a dead letter. If that fails, the queue delivers it again after a pause, without its batch. */
export async function setAside(deps: Deps, message: Message, reason: string | null): Promise<void> {
  const eventId = memberText(message.body, "id") || message.id;
  try {
    await keepDeadLetter(deps, eventId, message.body, reason);
    message.ack();
  } catch (error) {
    log("error", "a dead letter could not be kept", { eventId, error });
    message.retry({ delaySeconds: backoffSeconds(message.attempts) });
  }
}
