// Claims notifications for sending and records the results. A new row is leased to its writer (see draft.ts), which sends it at once. The
// sweep claims what a crash or a failure leaves, once the lease or the pause is over.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Channel } from "#shared/contracts/notifications";
import { inJson, returning } from "#shared/statement";
import type { Query, RowOf } from "#shared/statement";
import { CONFIDENTIAL_KINDS } from "#shared/events/commands";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { CLAIM_LIMIT, SEND_LEASE_MS } from "../constants.ts";
import type { FailedAttempt } from "../domain/delivery.ts";
import { notifications } from "../schema.ts";
import { isOverTexts } from "./ceilings.ts";
import type { CeilingDeps } from "./ceilings.ts";

/** What a sender needs of a row. */
export const OUTGOING = {
  id: notifications.id,
  recipient: notifications.recipient,
  channel: notifications.channel,
  template: notifications.template,
  subject: notifications.subject,
  textBody: notifications.textBody,
  htmlBody: notifications.htmlBody,
  /** Includes the attempt to come. */
  attempts: notifications.attempts,
  /** The browser's endpoint and keys as JSON; null on other channels and for a browser that has unsubscribed. */
  subscription: sql<string | null>`(SELECT json_object('endpoint', endpoint, 'p256dh', p256dh, 'auth', auth)
    FROM push_subscriptions WHERE push_subscriptions.id = notifications.recipient)`,
};
export type Outgoing = RowOf<typeof OUTGOING>;

/**
 * Claims notifications of one channel that are due and not leased. The claim is also the read, so no two sweeps get the same row.
 * `everything` ignores the pause after a failed attempt, but no lease. `except` are ids to leave out.
 */
export async function claimDue(
  deps: Deps,
  channel: Channel,
  { everything, except }: { readonly everything: boolean; readonly except: readonly string[] },
): Promise<readonly Outgoing[]> {
  const now = deps.now();
  const dueBy = everything ? Number.MAX_SAFE_INTEGER : now;
  const update = sql`UPDATE notifications SET attempts = attempts + 1, leased_until = ${now + SEND_LEASE_MS}
      WHERE id IN (SELECT id FROM notifications
        WHERE status = 'pending' AND next_attempt_at <= ${dueBy} AND leased_until <= ${now} AND channel = ${channel}
          AND NOT ${inJson(sql`id`, except)}
        ORDER BY next_attempt_at LIMIT ${CLAIM_LIMIT})`;
  const { claimed } = await save(deps, { claimed: returning(update, OUTGOING) });
  return claimed.rows;
}

/**
 * Claims the "order received" messages of an order that were held back, for the caller to send. A text message goes out only if the
 * number is still the user's and has text messages left.
 */
export function releaseOrderReceived(deps: CeilingDeps, orderId: string): Query<Outgoing> {
  const now = deps.now();
  const update = sql`UPDATE notifications SET status = 'pending', attempts = 1, next_attempt_at = ${now}, leased_until = ${now + SEND_LEASE_MS}
    WHERE status = 'held_back' AND about = ${orderId} AND template = 'order_received'
      AND (channel <> 'sms' OR (NOT ${isOverTexts(deps, { phone: sql`notifications.recipient`, userId: sql`notifications.user_id` })}
        AND EXISTS (SELECT 1 FROM phones WHERE phones.user_id = notifications.user_id AND phone = recipient AND proven_at IS NOT NULL)))`;
  return returning(update, OUTGOING);
}

/** The results of send attempts. */
export interface SendResults {
  readonly sent: readonly string[];
  readonly failed: readonly FailedAttempt[];
  /** Ids of push subscriptions that have ended. */
  readonly gone: readonly string[];
}

/** A text column whose confidential content is deleted when the row is done. */
function keptUnless(column: SQL, done: SQL): SQL {
  return sql`${column} = iif(${done} AND ${inJson(sql`template`, CONFIDENTIAL_KINDS)}, '', ${column})`;
}

function unlessEmpty(items: readonly unknown[], statement: SQL): SQL[] {
  return items.length === 0 ? [] : [statement];
}

/** Records the results in one round trip. A failed attempt never overwrites `sent`. */
export async function recordResults(deps: Deps, { sent, failed, gone }: SendResults): Promise<void> {
  const hasFailed = sql`result.value ->> 'status' = 'failed'`;
  await save(deps, {
    sent: unlessEmpty(
      sent,
      sql`UPDATE notifications SET status = 'sent', sent_at = ${deps.now()}, last_error = NULL,
          ${keptUnless(sql`text_body`, sql`true`)}, ${keptUnless(sql`html_body`, sql`true`)}
        WHERE status <> 'sent' AND ${inJson(sql`id`, sent)}`,
    ),
    failed: unlessEmpty(
      failed,
      sql`UPDATE notifications SET status = result.value ->> 'status', last_error = result.value ->> 'error',
          next_attempt_at = result.value ->> 'nextAttemptAt', leased_until = 0,
          ${keptUnless(sql`text_body`, hasFailed)}, ${keptUnless(sql`html_body`, hasFailed)}
        FROM json_each(${JSON.stringify(failed)}) AS result
        WHERE notifications.status = 'pending' AND notifications.id = result.value ->> 'id'`,
    ),
    gone: unlessEmpty(gone, sql`DELETE FROM push_subscriptions WHERE ${inJson(sql`id`, gone)}`),
  });
}
