// The ceilings as SQL conditions of the INSERT in draft.ts (its CTE `judged` has channel, recipient, key, proven and paid), and the records
// of what is proven. See docs/adr/022-messages-to-strangers.md.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { EventEnvelope } from "#shared/events/envelope";
import { firstIdAt } from "#shared/ids";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { DAY_MS, HELD_BACK_RETENTION_MS, HOUR_MS, PROVEN_ORDER_RETENTION_MS } from "../constants.ts";
import type { Ceilings } from "../domain/ceilings.ts";
import type { Kind } from "../domain/kinds.ts";
import type { MessageContent } from "../domain/messages.ts";

export type CeilingDeps = Deps & { readonly ceilings: Ceilings };

/** What a ceiling depends on. */
type Limited = Pick<MessageContent, "audience" | "userId"> & { readonly kind: Kind };

/** Whether no ceiling applies to the message. */
export function isExempt({ audience, kind }: Limited): SQL {
  if (audience === "admins") return sql`1`;
  return kind.security ? sql`(paid OR proven)` : sql`paid`;
}

/** Counts the messages to one recipient since a time. Several messages of one event, to several browsers, count once. */
function countedSince(since: number): SQL {
  return sql`(SELECT count(DISTINCT event_id) FROM notifications WHERE counted_for = key AND created_at > ${since})`;
}

/** Whether the number or the user has used up the day's text messages. */
export function isOverTexts({ now, ceilings }: CeilingDeps, of: { readonly phone: SQL; readonly userId: SQL }): SQL {
  const textsWith = (
    condition: SQL,
  ): SQL => sql`(SELECT count(*) FROM notifications AS texts WHERE texts.channel = 'sms'
    AND ${condition} AND texts.created_at > ${now() - DAY_MS} AND texts.status <> 'held_back')`;
  return sql`(${textsWith(sql`texts.recipient = ${of.phone}`)} >= ${ceilings.textsPerDay}
    OR ${textsWith(sql`texts.user_id = ${of.userId}`)} >= ${ceilings.textsPerDay})`;
}

export function isHeldBack(deps: CeilingDeps, draft: Limited): SQL {
  const { ceilings } = deps;
  const now = deps.now();
  return sql`CASE
    WHEN channel = 'sms' THEN NOT ${isTextable(draft)} OR ${isOverTexts(deps, { phone: sql`wanted.recipient`, userId: sql`${draft.userId}` })}
    WHEN ${isExempt(draft)} THEN 0
    WHEN proven THEN ${countedSince(now - HOUR_MS)} >= ${ceilings.provenPerHour}
    ELSE ${countedSince(now - HOUR_MS)} >= ${ceilings.unprovenPerHour}
      OR ${countedSince(now - DAY_MS)} >= ${ceilings.unprovenPerDay} END`;
}

/** Text messages cost money, so they go out about paid orders only. Codes are an exception. */
function isTextable({ kind }: Limited): SQL {
  return kind.channels[0] === "sms" ? sql`1` : sql`paid`;
}

/** A text message about an unpaid order is not written, unless its kind waits for the payment: then it is held back. */
export function isWritten(draft: Limited): SQL {
  return draft.kind.awaitsPayment ? sql`1` : sql`(channel <> 'sms' OR ${isTextable(draft)})`;
}

/** Records that an order's payment is authorized, which exempts its messages from the ceilings, in whatever order events arrive. */
export function recordProvenOrder(deps: Deps, orderId: string): SQL {
  return sql`INSERT INTO proven_orders (order_id, proven_at) VALUES (${orderId}, ${deps.now()}) ON CONFLICT DO NOTHING`;
}

/** Records the address that the account verified last. */
export function recordProvenEmail({ data, time }: EventEnvelope<"EMAIL_VERIFIED">): SQL {
  const provenAt = Date.parse(time);
  return sql`INSERT INTO proven_emails (user_id, email, proven_at) VALUES (${data.userId}, ${data.email}, ${provenAt})
    ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, proven_at = excluded.proven_at
    WHERE excluded.proven_at > proven_emails.proven_at`;
}

/** Deletes held-back messages, code counts and proven orders that are past their retention. */
export async function purgeCeilings(deps: Deps): Promise<{ readonly purgedHeldBack: number }> {
  const now = deps.now();
  const { heldBack } = await save(deps, {
    heldBack: sql`DELETE FROM notifications WHERE status = 'held_back' AND id < ${firstIdAt("ntf", now - HELD_BACK_RETENTION_MS)}`,
    codes: sql`DELETE FROM unproven_codes WHERE sent_at <= ${now - DAY_MS}`,
    orders: sql`DELETE FROM proven_orders WHERE order_id < ${firstIdAt("ord", now - PROVEN_ORDER_RETENTION_MS)}`,
  });
  return { purgedHeldBack: heldBack.changes };
}
