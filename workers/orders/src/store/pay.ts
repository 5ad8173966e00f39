// The one statement that finds an order payable, marks that a payment has begun, and reads what it costs.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { commit, inJson } from "#shared/database";
import type { Database } from "#shared/database";
import { Customer } from "#shared/events/catalogue";
import { z } from "zod";
import { PAYABLE } from "../domain/order.ts";

const Payable = z.object({
  orderNumber: z.string(),
  amount: z.int(),
  currency: z.string(),
  customer: z.string().transform((text) => Customer.parse(JSON.parse(text))),
  correlationId: z.string(),
});
export type Payable = z.infer<typeof Payable>;

/** Undefined when the order is not there, not the caller's, or not to be paid (now, or any more). */
export async function takeForPayment(
  db: Database,
  orderId: string,
  owned: SQL,
  now: number,
): Promise<Payable | undefined> {
  const { results } = await commit(db, [
    sql`UPDATE orders SET payment_status = iif(payment_status = 'NONE', 'CREATED', payment_status),
        updated_at = iif(payment_status = 'NONE', ${now}, updated_at),
        version = iif(payment_status = 'NONE', version + 1, version)
      WHERE id = ${orderId} AND status = 'PENDING' AND payment_due_at > ${now} AND ${owned}
        AND ${inJson(sql`payment_status`, PAYABLE)}
      RETURNING number AS orderNumber, total AS amount, currency, customer, correlation_id AS correlationId`,
  ]);
  const [row] = results[0]?.results ?? [];
  return row === undefined ? undefined : Payable.parse(row);
}
