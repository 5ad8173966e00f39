// Notifications on their way out. A row is written as pending and already leased to its writer, who has its text in memory and
// needs no read to send it; what a crash or a failure leaves is claimed by the sweep once the lease or the pause is over.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Channel } from "#shared/contracts/notifications";
import { inJson } from "#shared/database";
import type { Commit } from "#shared/database";
import { CONFIDENTIAL_KINDS } from "#shared/events/commands";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/outbox";
import { CLAIM_LIMIT, FALLBACK_LOCALE, SEND_LEASE_MS } from "../constants.ts";
import type { FailedTry } from "../domain/delivery.ts";
import type { Rendered } from "../domain/template.ts";
import type { NotificationRow } from "../schema.ts";

/** What is needed to send one. `attempts` counts the try that is due. */
export type Outgoing = Pick<
  NotificationRow,
  "id" | "recipient" | "channel" | "template" | "subject" | "textBody" | "htmlBody" | "attempts"
> & {
  /** Of a push whose browser is still signed up: its endpoint and keys, as JSON. */
  readonly subscription: string | null;
};

/** One channel's text, in the languages to choose from; `picked` is for a reader who has chosen none. */
export interface Offer {
  readonly id: string;
  readonly channel: Channel;
  readonly picked: string;
  readonly texts: Readonly<Record<string, Rendered>>;
}

/** What may go out about one event. */
export interface Draft {
  readonly eventId: string;
  readonly about: string;
  readonly audience: "user" | "admins";
  readonly userId: string | null;
  readonly email: string;
  readonly kind: string;
  /** The channels of a reader who has chosen none for this kind. */
  readonly defaults: readonly Channel[];
  /** Mails whatever was chosen. */
  readonly mandatory: boolean;
  readonly offers: readonly Offer[];
}

const SUBSCRIPTION = sql`(SELECT json_object('endpoint', endpoint, 'p256dh', p256dh, 'auth', auth)
  FROM push_subscriptions WHERE push_subscriptions.id = notifications.recipient)`;

/**
 * The language of the reader's choice, else its main language, else the one
 * every template has; without a choice the picked one.
 */
const LOCALE = sql`CASE
  WHEN preferences.locale IS NULL THEN offer.value ->> 'picked'
  WHEN offer.value -> 'texts' -> preferences.locale IS NOT NULL THEN preferences.locale
  WHEN offer.value -> 'texts' -> substr(preferences.locale, 1, instr(preferences.locale || '-', '-') - 1) IS NOT NULL
    THEN substr(preferences.locale, 1, instr(preferences.locale || '-', '-') - 1)
  WHEN offer.value -> 'texts' -> ${FALLBACK_LOCALE} IS NOT NULL THEN ${FALLBACK_LOCALE}
  ELSE offer.value ->> 'picked' END`;

/**
 * One row for each channel that the reader wants and can be reached on, and for each of their browsers, chosen in the INSERT
 * itself: preferences are as fresh as the commit, and cost no round trip. A browser's id is made of the offer's time and chance
 * of its own.
 */
export function insertDraft(deps: Deps, draft: Draft): SQL {
  const now = deps.now();
  const path = `$."${draft.kind}"`;
  return sql`INSERT INTO notifications (id, event_id, about, audience, user_id, recipient, channel, template, locale, subject,
      text_body, html_body, status, attempts, next_attempt_at, leased_until, created_at)
    SELECT iif(browser IS NULL, id, substr(id, 1, 20) || lower(hex(randomblob(8)))), ${draft.eventId}, ${draft.about},
      ${draft.audience}, ${draft.userId}, CASE channel WHEN 'email' THEN ${draft.email} WHEN 'sms' THEN phone ELSE browser END,
      channel, ${draft.kind}, locale, texts -> locale ->> 'subject', texts -> locale ->> 'text', texts -> locale ->> 'html',
      'pending', 1, ${now}, ${now + SEND_LEASE_MS}, ${now}
    FROM (SELECT offer.value ->> 'id' AS id, offer.value ->> 'channel' AS channel, offer.value -> 'texts' AS texts,
        ${LOCALE} AS locale, preferences.phone AS phone, push_subscriptions.id AS browser,
        coalesce(preferences.channels -> ${path}, ${JSON.stringify(draft.defaults)}) AS chosen
      FROM json_each(${JSON.stringify(draft.offers)}) AS offer
      LEFT JOIN preferences ON preferences.user_id = ${draft.userId}
      LEFT JOIN push_subscriptions ON push_subscriptions.user_id = ${draft.userId} AND offer.value ->> 'channel' = 'push')
    WHERE CASE channel WHEN 'sms' THEN phone IS NOT NULL WHEN 'push' THEN browser IS NOT NULL ELSE true END
      AND ((channel = 'email' AND ${draft.mandatory ? 1 : 0}) OR EXISTS (SELECT 1 FROM json_each(chosen) AS choice WHERE choice.value = channel))
    RETURNING id, channel, locale, recipient, ${SUBSCRIPTION} AS subscription,
      (SELECT max(updated_at) FROM templates) AS templatesAsOf`;
}

interface InsertedRow {
  readonly id: string;
  readonly channel: Channel;
  readonly locale: string;
  readonly recipient: string;
  readonly subscription: string | null;
  readonly templatesAsOf: number;
}

export interface Inserted {
  readonly rows: readonly Outgoing[];
  /** When the newest template was written, in milliseconds since the epoch; undefined when nothing was inserted. */
  readonly templatesAsOf: number | undefined;
}

/** What of a draft was written, with its text, which need not be read back. */
export function insertedOf(draft: Draft, results: Commit["results"]): Inserted {
  const inserted = (results[0]?.results ?? []) as unknown as InsertedRow[];
  const rows = inserted.flatMap(({ id, channel, locale, recipient, subscription }) => {
    const text = draft.offers.find((offer) => offer.channel === channel)?.texts[locale];
    if (text === undefined) return [];
    const { subject, text: textBody, html: htmlBody } = text;
    return [{ id, channel, template: draft.kind, recipient, subscription, subject, textBody, htmlBody, attempts: 1 }];
  });
  return { rows, templatesAsOf: inserted[0]?.templatesAsOf };
}

/**
 * Takes notifications of one channel that are due and that nobody is sending. The claim is also the read, so two claimers never
 * get the same row. `everything` ignores the pause after a failure, but not somebody else's lease; `tried` are left out.
 */
export async function claimDue(
  deps: Deps,
  channel: Channel,
  everything: boolean,
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
      RETURNING id, recipient, channel, template, subject, text_body AS textBody, html_body AS htmlBody, attempts,
        ${SUBSCRIPTION} AS subscription`,
  ]);
  return (results[0]?.results ?? []) as unknown as Outgoing[];
}

/** What became of some tries. */
export interface Settled {
  readonly sent: readonly string[];
  readonly failed: readonly FailedTry[];
  /** Push subscriptions that their service no longer knows. */
  readonly gone: readonly string[];
}

/** A confidential text is needed no more when its row is done. */
function kept(column: SQL, done: SQL): SQL {
  return sql`${column} = iif(${done} AND ${inJson(sql`template`, CONFIDENTIAL_KINDS)}, '', ${column})`;
}

/** Writes what became of a batch of tries, in one round trip. What is sent stays sent, whoever else tried. */
export async function settle(deps: Deps, { sent, failed, gone }: Settled): Promise<void> {
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
