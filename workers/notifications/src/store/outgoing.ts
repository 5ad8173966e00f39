// Notifications on their way out. A row is written as pending and already leased to its writer, who has its text in memory and
// needs no read to send it; what a crash or a failure leaves is claimed by the sweep once the lease or the pause is over.
import { sql } from "drizzle-orm";
import { inJson, insertInto } from "#shared/database";
import type { Statement } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/outbox";
import { CLAIM_LIMIT, SEND_LEASE_MS } from "../constants.ts";
import type { FailedTry } from "../domain/delivery.ts";
import { notifications } from "../schema.ts";
import type { NotificationRow } from "../schema.ts";

/** What is needed to send one. `attempts` counts the try that is due. */
export type Outgoing = Pick<
  NotificationRow,
  "id" | "recipient" | "channel" | "subject" | "textBody" | "htmlBody" | "attempts"
>;

export type NewNotification = Outgoing &
  Pick<NotificationRow, "eventId" | "about" | "audience" | "userId" | "template" | "locale">;

const insertRow = insertInto(notifications);

/** Pending, with its first try leased to the caller. */
export function insertNotification(deps: Deps, row: NewNotification): Statement {
  const now = deps.now();
  return insertRow({
    ...row,
    status: "pending",
    nextAttemptAt: now,
    leasedUntil: now + SEND_LEASE_MS,
    createdAt: now,
  });
}

/**
 * Takes notifications that are due and that nobody is sending. The claim is also the read, so two claimers never get the same
 * row. `everything` ignores the pause after a failure, but not somebody else's lease; `tried` are left out.
 */
export async function claimDue(deps: Deps, everything: boolean, tried: readonly string[]): Promise<Outgoing[]> {
  const now = deps.now();
  const dueBy = everything ? Number.MAX_SAFE_INTEGER : now;
  const { results } = await save(deps, [
    sql`UPDATE notifications SET attempts = attempts + 1, leased_until = ${now + SEND_LEASE_MS}
      WHERE id IN (SELECT id FROM notifications
        WHERE status = 'pending' AND next_attempt_at <= ${dueBy} AND leased_until <= ${now}
          AND NOT ${inJson(sql`id`, tried)}
        ORDER BY next_attempt_at LIMIT ${CLAIM_LIMIT})
      RETURNING id, recipient, channel, subject, text_body AS textBody, html_body AS htmlBody, attempts`,
  ]);
  return (results[0]?.results ?? []) as unknown as Outgoing[];
}

/** Writes what became of a batch of tries, in one round trip. What is sent stays sent, whoever else tried. */
export async function settle(deps: Deps, sent: readonly string[], failed: readonly FailedTry[]): Promise<void> {
  await save(deps, [
    ...(sent.length === 0
      ? []
      : [
          sql`UPDATE notifications SET status = 'sent', sent_at = ${deps.now()}, last_error = NULL
            WHERE status <> 'sent' AND ${inJson(sql`id`, sent)}`,
        ]),
    ...(failed.length === 0
      ? []
      : [
          sql`UPDATE notifications SET status = tried.value ->> 'status', last_error = tried.value ->> 'error',
              next_attempt_at = tried.value ->> 'nextAttemptAt', leased_until = 0
            FROM json_each(${JSON.stringify(failed)}) AS tried
            WHERE notifications.status = 'pending' AND notifications.id = tried.value ->> 'id'`,
        ]),
  ]);
}
