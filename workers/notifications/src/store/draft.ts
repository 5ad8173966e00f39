// A notification's rows as they are first written: pending and leased to their writer, who has their text from the INSERT and needs
// no read to send it, or held back by a ceiling.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Channel } from "#shared/contracts/notifications";
import type { Commit } from "#shared/database";
import { FALLBACK_LOCALE, HOUR_MS, SEND_LEASE_MS } from "../constants.ts";
import { isConfidential } from "../domain/kinds.ts";
import type { Kind } from "../domain/kinds.ts";
import type { Reader } from "../domain/messages.ts";
import { emailKey, pushKey } from "../domain/ceilings.ts";
import type { Rendered } from "../domain/template.ts";
import type { NotificationRow } from "../schema.ts";
import { isHeldBack, isExempt, isWritten } from "./ceilings.ts";
import type { CeilingDeps } from "./ceilings.ts";
import { SUBSCRIPTION } from "./outgoing.ts";
import type { Outgoing } from "./outgoing.ts";

/** One channel's text, for each reader in the languages to choose from; `picked` is for a reader who has chosen none. */
export interface Offer {
  readonly id: string;
  readonly channel: Channel;
  readonly picked: string;
  readonly texts: Readonly<Partial<Record<Reader, Readonly<Record<string, Rendered>>>>>;
}

/** What may go out about one event. */
export interface Draft {
  readonly eventId: string;
  readonly about: string;
  /** Of a message about an order. */
  readonly orderId: string | null;
  readonly audience: "user" | "admins";
  readonly userId: string | null;
  readonly email: string;
  /** Where a text goes that is not for the user's proven number. */
  readonly phone?: string;
  /** Whether the recipient is proven by the event itself; otherwise it may be by what is known of the account. */
  readonly isProven: boolean;
  /** Whether the order's money is authorized by the event itself; otherwise it may be known from another. */
  readonly moneyAuthorized: boolean;
  readonly kind: Kind & { readonly name: string };
  readonly offers: readonly Offer[];
}

/**
 * The language of the reader's choice, else its main language, else the one
 * every template has; without a choice the picked one.
 */
const LOCALE = sql`CASE
  WHEN preferences.locale IS NULL THEN picked
  WHEN texts -> preferences.locale IS NOT NULL THEN preferences.locale
  WHEN texts -> substr(preferences.locale, 1, instr(preferences.locale || '-', '-') - 1) IS NOT NULL
    THEN substr(preferences.locale, 1, instr(preferences.locale || '-', '-') - 1)
  WHEN texts -> ${FALLBACK_LOCALE} IS NOT NULL THEN ${FALLBACK_LOCALE}
  ELSE picked END`;

function flag(value: boolean): SQL {
  return value ? sql`1` : sql`0`;
}

/** Whether the account is known to have verified the address that the message goes to. */
function isProven({ isProven: claimed, userId, email }: Draft): SQL {
  if (claimed || userId === null) return flag(claimed);
  return sql`EXISTS (SELECT 1 FROM proven_emails WHERE user_id = ${userId} AND lower(email) = lower(${email}))`;
}

/** Whether the money of the order that it is about is known to be authorized. */
function isPaid({ moneyAuthorized: claimed, orderId }: Draft): SQL {
  if (claimed || orderId === null) return flag(claimed);
  return sql`EXISTS (SELECT 1 FROM proven_orders WHERE order_id = ${orderId})`;
}

/** Whether this kind is said once an hour about one thing, and was. Only the kind that has an index for it is. */
function isRepeated({ kind, about, eventId }: Draft, now: number): SQL {
  if (!kind.oncePerHour) return sql`0`;
  return sql`EXISTS (SELECT 1 FROM notifications WHERE template = 'payment_failed' AND template = ${kind.name}
    AND about = ${about} AND created_at > ${now - HOUR_MS} AND event_id <> ${eventId})`;
}

/** Each channel's text as its reader gets it, who is proven or not. */
function offered(draft: Draft): SQL {
  return sql`SELECT offer.value ->> 'id' AS id, offer.value ->> 'channel' AS channel, offer.value ->> 'picked' AS picked,
      offer.value -> 'texts' -> iif(proven, 'proven', 'unproven') AS texts, proven, paid
    FROM known, json_each(${JSON.stringify(draft.offers)}) AS offer`;
}

/** One row for each channel that the reader wants and can be reached on, and for each of their browsers. */
function wanted({ userId, email, phone, kind }: Draft): SQL {
  const chosen = sql`coalesce(preferences.channels -> ${`$."${kind.name}"`}, ${JSON.stringify(kind.defaults)})`;
  return sql`SELECT iif(push_subscriptions.id IS NULL, offered.id, substr(offered.id, 1, 20) || lower(hex(randomblob(8)))) AS id,
      channel, texts, ${LOCALE} AS locale, proven, paid,
      CASE channel WHEN 'email' THEN ${email} WHEN 'sms' THEN coalesce(${phone ?? null}, phones.phone) ELSE push_subscriptions.id END AS recipient,
      CASE channel WHEN 'email' THEN ${emailKey(email)} WHEN 'push' THEN ${userId === null ? null : pushKey(userId)} END AS key
    FROM offered LEFT JOIN preferences ON preferences.user_id = ${userId}
      LEFT JOIN phones ON phones.user_id = ${userId} AND phones.proven_at IS NOT NULL
      LEFT JOIN push_subscriptions ON push_subscriptions.user_id = ${userId} AND channel = 'push'
    WHERE (channel = ${kind.channels[0] ?? "email"} AND ${flag(kind.mandatory)})
      OR EXISTS (SELECT 1 FROM json_each(${chosen}) AS choice WHERE choice.value = channel)`;
}

/**
 * Everything is chosen in the INSERT itself: which channels and browsers, the language, whether the reader is proven, and what a
 * ceiling holds back. So all of it is as fresh as the commit and costs no round trip, and a batch of many events counts its own
 * rows. A browser's id is made of the offer's time and chance of its own.
 */
export function insertDraft(deps: CeilingDeps, draft: Draft): SQL {
  const now = deps.now();
  // A token that is not sent now is of no use later, and must not be kept.
  const kept = (text: SQL): SQL => (isConfidential(draft.kind.name) ? sql`iif(held, '', ${text})` : text);
  return sql`INSERT INTO notifications (id, event_id, about, audience, user_id, recipient, channel, template, locale, subject,
      text_body, html_body, status, attempts, next_attempt_at, leased_until, created_at, counted_for)
    WITH known AS MATERIALIZED (SELECT ${isProven(draft)} AS proven, ${isPaid(draft)} AS paid),
      offered AS (${offered(draft)}),
      wanted AS (${wanted(draft)}),
      judged AS (SELECT *, ${isExempt(draft)} AS exempt, ${isHeldBack(deps, draft)} AS held FROM wanted)
    SELECT id, ${draft.eventId}, ${draft.about}, ${draft.audience}, ${draft.userId}, recipient, channel, ${draft.kind.name}, locale,
      texts -> locale ->> 'subject', ${kept(sql`texts -> locale ->> 'text'`)}, ${kept(sql`texts -> locale ->> 'html'`)},
      iif(held, 'held_back', 'pending'), iif(held, 0, 1), ${now}, iif(held, 0, ${now + SEND_LEASE_MS}), ${now},
      iif(held OR exempt, NULL, key)
    FROM judged WHERE recipient IS NOT NULL AND ${isWritten(draft)} AND NOT ${isRepeated(draft, now)}
    RETURNING id, channel, template, recipient, subject, text_body AS textBody, html_body AS htmlBody, status, attempts,
      ${SUBSCRIPTION} AS subscription, (SELECT max(updated_at) FROM templates) AS templatesAsOf`;
}

type InsertedRow = Outgoing & Pick<NotificationRow, "status"> & { readonly templatesAsOf: number };

export interface Inserted {
  /** What is to be sent now. */
  readonly rows: readonly Outgoing[];
  /** When the newest template was written, in milliseconds since the epoch; undefined when nothing was inserted. */
  readonly templatesAsOf: number | undefined;
}

/** What of a draft was written, from the answer to its INSERT. */
export function insertedOf(result: Commit["results"][number] | undefined): Inserted {
  const inserted = (result?.results ?? []) as unknown as InsertedRow[];
  return { rows: inserted.filter(({ status }) => status === "pending"), templatesAsOf: inserted[0]?.templatesAsOf };
}
