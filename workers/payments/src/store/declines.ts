// Declined cards. Each counts once, by its charge at Stripe. Caps on them end payments and refuse new ones.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { returning, select } from "#shared/statement";
import type { Query } from "#shared/statement";
import { DECLINE_RETENTION_MS, DECLINE_WINDOW_MS, FIRST_CHECK_MS } from "../constants.ts";
import type { Cap, DeclineCaps } from "../domain/payment.ts";
import type { Decline } from "../domain/snapshot.ts";
import { payments } from "../schema.ts";

/** Writes the declines that are new, with the payer of the payment. */
export function declineInserts(paymentId: string, declines: readonly Decline[]): SQL {
  return sql`INSERT INTO declines (charge_id, order_id, payer, network, at)
    SELECT value ->> 'chargeId', order_id, payer, network, value ->> 'at'
    FROM payments, json_each(${JSON.stringify(declines)}) WHERE payments.id = ${paymentId}
    ON CONFLICT DO NOTHING`;
}

/**
 * Ends an unpaid payment that reached a cap, in the batch that writes its declines. The next check is due soon, so that a sweep cancels
 * the intent if this process does not. Returns a row only if it ended the payment.
 */
export function stopPayment(
  paymentId: string,
  caps: DeclineCaps,
  now: number,
): Query<{ readonly stoppedBy: Cap | null }> {
  const ofOrder = sql`(SELECT count(*) FROM declines WHERE declines.order_id = payments.order_id)`;
  const ofPayer = sql`(SELECT count(*) FROM declines
    WHERE declines.payer = payments.payer AND declines.at > ${now - DECLINE_WINDOW_MS})`;
  const ofNetwork = sql`(SELECT count(*) FROM declines
    WHERE declines.network = payments.network AND declines.at > ${now - DECLINE_WINDOW_MS})`;
  return returning(
    sql`UPDATE payments SET stopped_by = reached.cap, attempts = 0, next_check_at = ${now + FIRST_CHECK_MS}
    FROM (SELECT id, CASE WHEN ${ofOrder} >= ${caps.order} THEN 'order' WHEN ${ofPayer} >= ${caps.payer} THEN 'payer'
        WHEN ${ofNetwork} >= ${caps.network} THEN 'network' END AS cap
      FROM payments WHERE id = ${paymentId}) AS reached
    WHERE payments.id = reached.id AND reached.cap IS NOT NULL AND stopped_by IS NULL
      AND status IN ('CREATED', 'REQUIRES_ACTION', 'FAILED')`,
    { stoppedBy: payments.stoppedBy },
  );
}

/** Digests of who begins a payment, if that is not a proven account. */
export interface UnprovenPayer {
  readonly payer: string;
  readonly network?: string | undefined;
}

/** An expression: when the payer or the client network may try again (ms), NULL when neither cap is reached. */
export function retryAtExpression(
  unproven: UnprovenPayer | undefined,
  caps: DeclineCaps | undefined,
  now: number,
): SQL<number | null> {
  if (unproven === undefined || caps === undefined) return sql`NULL`;
  const reached = (column: SQL, value: string | undefined, cap: number): SQL =>
    sql`SELECT * FROM (SELECT at FROM declines WHERE ${column} = ${value ?? null} AND at > ${now - DECLINE_WINDOW_MS}
      ORDER BY at DESC LIMIT 1 OFFSET ${cap - 1})`;
  return sql`(SELECT max(at) + ${DECLINE_WINDOW_MS} FROM (${reached(sql`payer`, unproven.payer, caps.payer)}
    UNION ALL ${reached(sql`network`, unproven.network, caps.network)}))`;
}

/** Reads the value of `retryAtExpression`. */
export function retryAtSelect(retryAt: SQL<number | null>): Query<{ readonly retryAt: number | null }> {
  return select({ retryAt }, sql``);
}

/** The payer of an order proved their identity after its payment was begun. From now on only the order's own cap applies. */
export function provePayer(orderId: string): SQL {
  return sql`UPDATE payments SET payer = NULL, network = NULL WHERE order_id = ${orderId} AND payer IS NOT NULL`;
}

export function declinesPurge(now: number): SQL {
  return sql`DELETE FROM declines WHERE at < ${now - DECLINE_RETENTION_MS}`;
}
