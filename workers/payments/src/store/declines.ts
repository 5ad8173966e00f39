// Declined cards: each counts once, by its charge at Stripe, and the caps on them end payments and keep new ones from being begun.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { DECLINE_RETENTION_MS, DECLINE_WINDOW_MS, FIRST_CHECK_MS } from "../constants.ts";
import type { Decline, DeclineCaps } from "../domain/payment.ts";
import type { PaymentRow } from "../schema.ts";

/** Writes the declines that are new, as those of the payment's payer. */
export function declineInserts({ id }: Pick<PaymentRow, "id">, declines: readonly Decline[]): SQL {
  return sql`INSERT INTO declines (charge_id, order_id, payer, network, at)
    SELECT value ->> 'chargeId', order_id, payer, network, value ->> 'at'
    FROM payments, json_each(${JSON.stringify(declines)}) WHERE payments.id = ${id}
    ON CONFLICT DO NOTHING`;
}

/**
 * Ends a payment that has reached a cap, where nobody has paid: stands in the batch that writes the declines. The next check is due
 * soon, so that a sweep cancels the intent if this process does not. Returns `stopped_by`, or no row.
 */
export function stopPayment({ id }: Pick<PaymentRow, "id">, caps: DeclineCaps, now: number): SQL {
  const ofOrder = sql`(SELECT count(*) FROM declines WHERE declines.order_id = payments.order_id)`;
  const ofPayer = sql`(SELECT count(*) FROM declines
    WHERE declines.payer = payments.payer AND declines.at > ${now - DECLINE_WINDOW_MS})`;
  const ofNetwork = sql`(SELECT count(*) FROM declines
    WHERE declines.network = payments.network AND declines.at > ${now - DECLINE_WINDOW_MS})`;
  return sql`UPDATE payments SET stopped_by = reached.cap, attempts = 0, next_check_at = ${now + FIRST_CHECK_MS}
    FROM (SELECT id, CASE WHEN ${ofOrder} >= ${caps.order} THEN 'order' WHEN ${ofPayer} >= ${caps.payer} THEN 'payer'
        WHEN ${ofNetwork} >= ${caps.network} THEN 'network' END AS cap
      FROM payments WHERE id = ${id}) AS reached
    WHERE payments.id = reached.id AND reached.cap IS NOT NULL AND stopped_by IS NULL
      AND status IN ('CREATED', 'REQUIRES_ACTION', 'FAILED')
    RETURNING stopped_by`;
}

/** Who begins a payment, where that is not a proven account. Digests. */
export interface UnprovenPayer {
  readonly payer: string;
  readonly network?: string | undefined;
}

/** When the payer or the client network may try again (ms), as `retry_at`; null when neither cap is reached. */
export function retryAtSelect(unproven: UnprovenPayer | undefined, caps: DeclineCaps | undefined, now: number): SQL {
  if (unproven === undefined || caps === undefined) return sql`SELECT NULL AS retry_at`;
  const reached = (column: SQL, value: string | undefined, cap: number): SQL =>
    sql`SELECT * FROM (SELECT at FROM declines WHERE ${column} = ${value ?? null} AND at > ${now - DECLINE_WINDOW_MS}
      ORDER BY at DESC LIMIT 1 OFFSET ${cap - 1})`;
  return sql`SELECT max(at) + ${DECLINE_WINDOW_MS} AS retry_at FROM (${reached(sql`payer`, unproven.payer, caps.payer)}
    UNION ALL ${reached(sql`network`, unproven.network, caps.network)})`;
}

/** An order's payer has proven who they are since its payment was begun: from now on only the order's own cap counts. */
export function provePayer(orderId: string): SQL {
  return sql`UPDATE payments SET payer = NULL, network = NULL WHERE order_id = ${orderId} AND payer IS NOT NULL`;
}

export function declinesPurge(now: number): SQL {
  return sql`DELETE FROM declines WHERE at < ${now - DECLINE_RETENTION_MS}`;
}
