// Writes a notification's rows: pending and leased to their writer, which sends them from what the INSERT returns, or held back by a
// ceiling.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Channel } from "#shared/contracts/notifications";
import { returning } from "#shared/statement";
import type { Query, RowOf } from "#shared/statement";
import { FALLBACK_LOCALE, HOUR_MS, SEND_LEASE_MS } from "../constants.ts";
import { emailKey, pushKey } from "../domain/ceilings.ts";
import { isConfidential } from "../domain/kinds.ts";
import type { Kind } from "../domain/kinds.ts";
import type { MessageContent, Reader } from "../domain/messages.ts";
import type { Rendered } from "../domain/template.ts";
import { notifications } from "../schema.ts";
import { isExempt, isHeldBack, isWritten } from "./ceilings.ts";
import type { CeilingDeps } from "./ceilings.ts";
import { OUTGOING } from "./outgoing.ts";

/** The texts of one channel by reader and language. `picked` is the language for a user who has chosen none. */
export interface Offer {
  readonly id: string;
  readonly channel: Channel;
  readonly picked: string;
  readonly texts: Readonly<Partial<Record<Reader, Readonly<Record<string, Rendered>>>>>;
}

/** The candidates for the messages about one event. */
export interface Draft extends Omit<MessageContent, "kind"> {
  readonly eventId: string;
  readonly about: string;
  /** The number of a text message, if it is not the user's proven number. */
  readonly phone?: string;
  readonly kind: Kind & { readonly name: string };
  readonly offers: readonly Offer[];
}

/** The language that the user has chosen, else its main language (`de` of `de-AT`), else the fallback. Without a choice the picked one. */
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

/** Whether the event or EMAIL_VERIFIED says that the account has verified the address that the message goes to. */
function isProven({ isProven: isStated, userId, recipient }: Draft): SQL {
  if (isStated || userId === null) return flag(isStated);
  return sql`EXISTS (SELECT 1 FROM proven_emails WHERE user_id = ${userId} AND lower(email) = lower(${recipient}))`;
}

/** Whether the event or an earlier one says that the payment of the message's order is authorized. */
function isPaid({ moneyAuthorized: isStated, orderId }: Draft): SQL {
  if (isStated || orderId === null) return flag(isStated);
  return sql`EXISTS (SELECT 1 FROM proven_orders WHERE order_id = ${orderId})`;
}

/** Whether a kind of at most one an hour was sent about this order within the hour. payment_failed alone has an index for this. */
function isRepeated({ kind, about, eventId }: Draft, now: number): SQL {
  if (!kind.oncePerHour) return sql`0`;
  return sql`EXISTS (SELECT 1 FROM notifications WHERE template = 'payment_failed' AND template = ${kind.name}
    AND about = ${about} AND created_at > ${now - HOUR_MS} AND event_id <> ${eventId})`;
}

/** One row for each channel, with the texts for a proven or an unproven reader. */
function offered(draft: Draft): SQL {
  return sql`SELECT offer.value ->> 'id' AS id, offer.value ->> 'channel' AS channel, offer.value ->> 'picked' AS picked,
      offer.value -> 'texts' -> iif(proven, 'proven', 'unproven') AS texts, proven, paid
    FROM known, json_each(${JSON.stringify(draft.offers)}) AS offer`;
}

/** One row for each channel that the user wants and can be reached on, for push one for each browser. */
function wanted({ userId, recipient, phone, kind }: Draft): SQL {
  const chosen = sql`coalesce(preferences.channels -> ${`$."${kind.name}"`}, ${JSON.stringify(kind.defaults)})`;
  return sql`SELECT iif(push_subscriptions.id IS NULL, offered.id, substr(offered.id, 1, 20) || lower(hex(randomblob(8)))) AS id,
      channel, texts, ${LOCALE} AS locale, proven, paid,
      CASE channel WHEN 'email' THEN ${recipient} WHEN 'sms' THEN coalesce(${phone ?? null}, phones.phone) ELSE push_subscriptions.id END AS recipient,
      CASE channel WHEN 'email' THEN ${emailKey(recipient)} WHEN 'push' THEN ${userId === null ? null : pushKey(userId)} END AS key
    FROM offered LEFT JOIN preferences ON preferences.user_id = ${userId}
      LEFT JOIN phones ON phones.user_id = ${userId} AND phones.proven_at IS NOT NULL
      LEFT JOIN push_subscriptions ON push_subscriptions.user_id = ${userId} AND channel = 'push'
    WHERE (channel = ${kind.channels[0] ?? "email"} AND ${flag(kind.mandatory)})
      OR EXISTS (SELECT 1 FROM json_each(${chosen}) AS choice WHERE choice.value = channel)`;
}

const INSERTED = {
  ...OUTGOING,
  status: notifications.status,
  /** When the newest template was written, in milliseconds since the epoch. */
  templatesAsOf: sql<number>`(SELECT max(updated_at) FROM templates)`,
};
export type InsertedRow = RowOf<typeof INSERTED>;

/**
 * The INSERT itself chooses channels, browsers and language, looks up whether the reader is proven, and applies the ceilings. This
 * costs no extra round trip, uses the preferences at the moment of the commit, and counts earlier events of the same batch. A push's id
 * is the offer's time with a random part for each browser.
 */
export function insertDraft(deps: CeilingDeps, draft: Draft): Query<InsertedRow> {
  const now = deps.now();
  // The token of a message that is held back is not stored.
  const kept = (text: SQL): SQL => (isConfidential(draft.kind.name) ? sql`iif(held, '', ${text})` : text);
  const insert = sql`INSERT INTO notifications (id, event_id, about, audience, user_id, recipient, channel, template, locale, subject,
      text_body, html_body, status, attempts, next_attempt_at, leased_until, created_at, counted_for)
    WITH known AS MATERIALIZED (SELECT ${isProven(draft)} AS proven, ${isPaid(draft)} AS paid),
      offered AS (${offered(draft)}),
      wanted AS (${wanted(draft)}),
      judged AS (SELECT *, ${isExempt(draft)} AS exempt, ${isHeldBack(deps, draft)} AS held FROM wanted)
    SELECT id, ${draft.eventId}, ${draft.about}, ${draft.audience}, ${draft.userId}, recipient, channel, ${draft.kind.name}, locale,
      texts -> locale ->> 'subject', ${kept(sql`texts -> locale ->> 'text'`)}, ${kept(sql`texts -> locale ->> 'html'`)},
      iif(held, 'held_back', 'pending'), iif(held, 0, 1), ${now}, iif(held, 0, ${now + SEND_LEASE_MS}), ${now},
      iif(held OR exempt, NULL, key)
    FROM judged WHERE recipient IS NOT NULL AND ${isWritten(draft)} AND NOT ${isRepeated(draft, now)}`;
  return returning(insert, INSERTED);
}
