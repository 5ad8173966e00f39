// Ceilings of messages per recipient, as conditions inside the INSERT that writes a message: see
// docs/adr/022-messages-to-strangers.md. They stand in its CTE `judged`, whose rows have `channel`, `recipient`, `key`, `proven`
// and `paid`.
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

/** Whether no ceiling holds the message back, whatever the recipient has got before. */
export function isExempt({ audience, kind }: Limited): SQL {
  if (audience === "admins") return sql`1`;
  return kind.security ? sql`(paid OR proven)` : sql`paid`;
}

/** Messages of one recipient since then: those of one event count once, on however many browsers. */
function countedSince(since: number): SQL {
  return sql`(SELECT count(DISTINCT event_id) FROM notifications WHERE counted_for = key AND created_at > ${since})`;
}

/** Whether the number or the user has got all the texts of a day. */
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

/** Texts cost, so they tell of paid orders only; a code is a text by nature. */
function isTextable({ kind }: Limited): SQL {
  return kind.channels[0] === "sms" ? sql`1` : sql`paid`;
}

/** What tells that an order came in is kept for its money; other texts about what is not paid are not written at all. */
export function isWritten(draft: Limited): SQL {
  return draft.kind.awaitsPayment ? sql`1` : sql`(channel <> 'sms' OR ${isTextable(draft)})`;
}

/** An order's money is there: whatever of it is still to come is outside of the ceilings, in any order of arrival. */
export function recordProvenOrder(deps: Deps, orderId: string): SQL {
  return sql`INSERT INTO proven_orders (order_id, proven_at) VALUES (${orderId}, ${deps.now()}) ON CONFLICT DO NOTHING`;
}

/** Keeps the address that the account verified last. */
export function recordProvenEmail({ data, time }: EventEnvelope<"EMAIL_VERIFIED">): SQL {
  const provenAt = Date.parse(time);
  return sql`INSERT INTO proven_emails (user_id, email, proven_at) VALUES (${data.userId}, ${data.email}, ${provenAt})
    ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, proven_at = excluded.proven_at
    WHERE excluded.proven_at > proven_emails.proven_at`;
}

/** Drops what was held back for so long that nobody asks for it any more, and orders of which nothing more is heard. */
export async function purgeCeilings(deps: Deps): Promise<{ readonly purgedHeldBack: number }> {
  const now = deps.now();
  const { results } = await save(deps, [
    sql`DELETE FROM notifications WHERE status = 'held_back' AND id < ${firstIdAt("ntf", now - HELD_BACK_RETENTION_MS)}`,
    sql`DELETE FROM unproven_codes WHERE sent_at <= ${now - DAY_MS}`,
    sql`DELETE FROM proven_orders WHERE order_id < ${firstIdAt("ord", now - PROVEN_ORDER_RETENTION_MS)}`,
  ]);
  return { purgedHeldBack: results[0]?.meta.changes ?? 0 };
}
