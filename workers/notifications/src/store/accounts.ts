// What notifications keeps of an account, as accounts tells it by events.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { EventEnvelope } from "#shared/events/envelope";
import { PHONE_CODE_TTL_MS } from "../constants.ts";

/** Keeps the address that the account verified last. */
export function recordProvenEmail({ data, time }: EventEnvelope<"EMAIL_VERIFIED">): SQL {
  const provenAt = Date.parse(time);
  return sql`INSERT INTO proven_emails (user_id, email, proven_at) VALUES (${data.userId}, ${data.email}, ${provenAt})
    ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, proven_at = excluded.proven_at
    WHERE excluded.proven_at > proven_emails.proven_at`;
}

/** Drops the browsers and the phone number that were set before the password changed; later ones are the owner's own. */
export function removeContactPoints({ data: { userId }, time }: EventEnvelope<"PASSWORD_CHANGED">): SQL[] {
  const changedAt = Date.parse(time);
  return [
    sql`DELETE FROM push_subscriptions WHERE user_id = ${userId} AND created_at <= ${changedAt}`,
    sql`DELETE FROM phones WHERE user_id = ${userId} AND set_at <= ${changedAt}`,
    // A code that was sent before has to be asked for again.
    sql`DELETE FROM phone_codes WHERE user_id = ${userId} AND expires_at <= ${changedAt + PHONE_CODE_TTL_MS}`,
  ];
}
