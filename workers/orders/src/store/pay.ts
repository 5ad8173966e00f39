// Claims an order for payment in one round trip: whether it can be paid, that a payment has begun, and what it costs.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { commit } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import { Customer } from "#shared/events/catalogue";
import { CAN_BE_PAID } from "../domain/order.ts";
import { changeSeqAt } from "./orders.ts";
import { orders } from "../schema.ts";
import { conditionSql } from "./conditions.ts";

/** What payments needs of an order to make its intent. Amount in minor units. */
export interface Payable {
  readonly orderNumber: string;
  readonly amount: number;
  readonly currency: string;
  readonly customer: Customer;
  readonly correlationId: string;
}

/** Who wants to pay: an admin, or whoever has the order as a customer or by its token. */
export type Payer =
  | "anyone"
  | {
      readonly customerId: string | undefined;
      readonly accessTokenHash: string | undefined;
      /** Tokens of orders made before this time (ms) have expired. */
      readonly tokensSince: number;
    };

/** The rule of service/access.ts for a buyer. An absent value is NULL, which equals nothing. */
function ownedBy(payer: Payer): SQL {
  if (payer === "anyone") return sql`true`;
  return sql`(customer_id = ${payer.customerId ?? null}
    OR (access_token_hash = ${payer.accessTokenHash ?? null} AND created_at > ${payer.tokensSince}))`;
}

/** Undefined when the order does not exist, is not the payer's, or cannot be paid. */
export async function claimForPayment(
  db: Database,
  orderId: string,
  payer: Payer,
  now: number,
): Promise<Payable | undefined> {
  const isTheirs = sql`id = ${orderId} AND ${conditionSql(CAN_BE_PAID, now)} AND ${ownedBy(payer)}`;
  const { number: orderNumber, total: amount, currency, customer, correlationId } = orders;
  const { results } = await commit(db, {
    // A begun payment is CREATED; a status after a try stays what it is.
    begun: sql`UPDATE orders SET payment_status = 'CREATED', updated_at = ${now}, version = version + 1, change_seq = ${changeSeqAt(now)}
      WHERE ${isTheirs} AND payment_status = 'NONE'`,
    payable: select({ orderNumber, amount, currency, customer, correlationId }, sql`FROM orders WHERE ${isTheirs}`),
  });
  const [row] = results.payable.rows;
  return row === undefined ? undefined : { ...row, customer: Customer.parse(JSON.parse(row.customer)) };
}
