// Notifications on their way out. A row is written as pending and already leased to its writer (see draft.ts), who sends it at once;
// what a crash or a failure leaves is claimed by the sweep once the lease or the pause is over.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Channel } from "#shared/contracts/notifications";
import { inJson } from "#shared/database";
import type { Commit } from "#shared/database";
import { CONFIDENTIAL_KINDS } from "#shared/events/commands";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { CLAIM_LIMIT, SEND_LEASE_MS } from "../constants.ts";
import type { FailedAttempt } from "../domain/delivery.ts";
import type { NotificationRow } from "../schema.ts";
import { isOverTexts } from "./ceilings.ts";
import type { CeilingDeps } from "./ceilings.ts";

/** What is needed to send one. `attempts` counts the try that is due. */
export type Outgoing = Pick<
  NotificationRow,
  "id" | "recipient" | "channel" | "template" | "subject" | "textBody" | "htmlBody" | "attempts"
> & {
  /** Of a push whose browser is still signed up: its endpoint and keys, as JSON. */
  readonly subscription: string | null;
};

export const SUBSCRIPTION = sql`(SELECT json_object('endpoint', endpoint, 'p256dh', p256dh, 'auth', auth)
  FROM push_subscriptions WHERE push_subscriptions.id = notifications.recipient)`;

const OUTGOING = sql`id, recipient, channel, template, subject, text_body AS textBody, html_body AS htmlBody, attempts,
  ${SUBSCRIPTION} AS subscription`;

/** What an UPDATE that returns OUTGOING has taken to be sent. */
export function outgoingOf(result: Commit["results"][number] | undefined): Outgoing[] {
  return (result?.results ?? []) as unknown as Outgoing[];
}

/**
 * Takes notifications of one channel that are due and that nobody is sending. The claim is also the read, so two claimers never
 * get the same row. `everything` ignores the pause after a failure, but not somebody else's lease; `tried` are left out.
 */
export async function claimDue(
  deps: Deps,
  channel: Channel,
  { everything }: { readonly everything: boolean },
  tried: readonly string[],
): Promise<Outgoing[]> {
  const now = deps.now();
  const dueBy = everything ? Number.MAX_SAFE_INTEGER : now;
  const { results } = await save(deps, [
    sql`UPDATE notifications SET attempts = attempts + 1, leased_until = ${now + SEND_LEASE_MS}
      WHERE id IN (SELECT id FROM notifications
        WHERE status = 'pending' AND next_attempt_at <= ${dueBy} AND leased_until <= ${now} AND channel = ${channel}
          AND NOT ${inJson(sql`id`, tried)}
        ORDER BY next_attempt_at LIMIT ${CLAIM_LIMIT})
      RETURNING ${OUTGOING}`,
  ]);
  return outgoingOf(results[0]);
}

/**
 * Takes what was held back of an order's confirmation, to be sent by the caller. A text goes to a number that is still the user's
 * and has texts left.
 */
export function releaseConfirmation(deps: CeilingDeps, orderId: string): SQL {
  const now = deps.now();
  return sql`UPDATE notifications SET status = 'pending', attempts = 1, next_attempt_at = ${now}, leased_until = ${now + SEND_LEASE_MS}
    WHERE status = 'held_back' AND about = ${orderId} AND template = 'order_received'
      AND (channel <> 'sms' OR (NOT ${isOverTexts(deps, { phone: sql`notifications.recipient`, userId: sql`notifications.user_id` })}
        AND EXISTS (SELECT 1 FROM phones WHERE phones.user_id = notifications.user_id AND phone = recipient AND proven_at IS NOT NULL)))
    RETURNING ${OUTGOING}`;
}

/** What became of some tries. */
export interface SendResults {
  readonly sent: readonly string[];
  readonly failed: readonly FailedAttempt[];
  /** Push subscriptions that their service no longer knows. */
  readonly gone: readonly string[];
}

/** A confidential text is needed no more when its row is done. */
function kept(column: SQL, done: SQL): SQL {
  return sql`${column} = iif(${done} AND ${inJson(sql`template`, CONFIDENTIAL_KINDS)}, '', ${column})`;
}

/** Writes what became of a batch of tries, in one round trip. What is sent stays sent, whoever else tried. */
export async function recordResults(deps: Deps, { sent, failed, gone }: SendResults): Promise<void> {
  const hasFailed = sql`tried.value ->> 'status' = 'failed'`;
  await save(deps, [
    ...(sent.length === 0
      ? []
      : [
          sql`UPDATE notifications SET status = 'sent', sent_at = ${deps.now()}, last_error = NULL,
              ${kept(sql`text_body`, sql`true`)}, ${kept(sql`html_body`, sql`true`)}
            WHERE status <> 'sent' AND ${inJson(sql`id`, sent)}`,
        ]),
    ...(failed.length === 0
      ? []
      : [
          sql`UPDATE notifications SET status = tried.value ->> 'status', last_error = tried.value ->> 'error',
              next_attempt_at = tried.value ->> 'nextAttemptAt', leased_until = 0,
              ${kept(sql`text_body`, hasFailed)}, ${kept(sql`html_body`, hasFailed)}
            FROM json_each(${JSON.stringify(failed)}) AS tried
            WHERE notifications.status = 'pending' AND notifications.id = tried.value ->> 'id'`,
        ]),
    ...(gone.length === 0 ? [] : [sql`DELETE FROM push_subscriptions WHERE ${inJson(sql`id`, gone)}`]),
  ]);
}
