// Ceilings of messages per recipient, as conditions inside the INSERT that writes a message: see
// docs/adr/022-messages-to-strangers.md. They stand in its CTE `judged`, whose rows have `channel`, `recipient`, `key`, `proven`
// and `paid`.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { firstIdAt } from "#shared/ids";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { DAY_MS, HELD_BACK_RETENTION_MS, HOUR_MS, PROVEN_ORDER_RETENTION_MS, SEND_LEASE_MS } from "../constants.ts";
import type { Ceilings } from "../domain/ceilings.ts";
import { OUTGOING } from "./outgoing.ts";
import type { Draft } from "./draft.ts";

export type CeilingDeps = Deps & { readonly ceilings: Ceilings };

/** Whether no ceiling holds the message back, whatever the recipient has got before. */
export function isExempt({ audience, kind }: Draft): SQL {
  if (audience === "admins") return sql`1`;
  return kind.security ? sql`(paid OR proven)` : sql`paid`;
}

/** Messages of one recipient since then: those of one event count once, on however many browsers. */
function countedSince(since: number): SQL {
  return sql`(SELECT count(DISTINCT event_id) FROM notifications WHERE counted_for = key AND created_at > ${since})`;
}

/** Whether the number or the user has got all the texts of a day. */
function isOverTexts({ now, ceilings }: CeilingDeps, of: { readonly phone: SQL; readonly userId: SQL }): SQL {
  const textsWith = (
    condition: SQL,
  ): SQL => sql`(SELECT count(*) FROM notifications AS texts WHERE texts.channel = 'sms'
    AND ${condition} AND texts.created_at > ${now() - DAY_MS} AND texts.status <> 'held_back')`;
  return sql`(${textsWith(sql`texts.recipient = ${of.phone}`)} >= ${ceilings.textsPerDay}
    OR ${textsWith(sql`texts.user_id = ${of.userId}`)} >= ${ceilings.textsPerDay})`;
}

export function isHeldBack(deps: CeilingDeps, draft: Draft): SQL {
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
function isTextable({ kind }: Draft): SQL {
  return kind.channels[0] === "sms" ? sql`1` : sql`paid`;
}

/** What tells that an order came in is kept for its money; other texts about what is not paid are not written at all. */
export function isWritten(draft: Draft): SQL {
  return draft.kind.awaitsPayment ? sql`1` : sql`(channel <> 'sms' OR ${isTextable(draft)})`;
}

/** An order's money is there: whatever of it is still to come is outside of the ceilings, in any order of arrival. */
export function recordProvenOrder(deps: Deps, orderId: string): SQL {
  return sql`INSERT INTO proven_orders (order_id, proven_at) VALUES (${orderId}, ${deps.now()}) ON CONFLICT DO NOTHING`;
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
