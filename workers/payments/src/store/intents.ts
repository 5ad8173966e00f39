// Writes of new payments and their intents, and the Idempotency-Keys of payments. The key that made a payment is in the payment's row. A
// key that found an existing payment is in intent_keys. No key is in both.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Query } from "#shared/statement";
import type { Customer } from "#shared/events/catalogue";
import { FIRST_CHECK_MS } from "../constants.ts";
import type { PaymentRow } from "../schema.ts";
import type { UnprovenPayer } from "./declines.ts";
import type { HistoryEntry } from "./list.ts";

export interface IntentKey {
  /** Digests of the caller's Idempotency-Key and of the request made under it. */
  readonly key: string;
  readonly fingerprint: string;
}

/** An expression: whether a payment was found under the key. */
function isKeyUsed(key: string): SQL {
  return sql`EXISTS (SELECT 1 FROM intent_keys WHERE idempotency_key = ${key})`;
}

/** A condition on payments: made or found under the key. Without a key, none. */
export function byKey(key: string | undefined): SQL {
  if (key === undefined) return sql`false`;
  return sql`(idempotency_key = ${key} OR id = (SELECT payment_id FROM intent_keys WHERE idempotency_key = ${key}))`;
}

/** One row if the key is known. `hasMade` is 1 when the key made its payment, 0 when it found it. */
export function keySelect(
  key: string | undefined,
): Query<{ readonly fingerprint: string | null; readonly hasMade: number }> {
  return select(
    { fingerprint: sql<string | null>`fingerprint`, hasMade: sql<number>`has_made` },
    sql`FROM (SELECT fingerprint, 1 AS has_made FROM payments WHERE idempotency_key = ${key ?? null}
      UNION ALL SELECT fingerprint, 0 FROM intent_keys WHERE idempotency_key = ${key ?? null})`,
  );
}

/** Stores that the key found a payment. Writes nothing when the key is used. */
export function keyInsert({ key, fingerprint }: IntentKey, paymentId: string, now: number): SQL {
  return sql`INSERT INTO intent_keys (idempotency_key, fingerprint, payment_id, created_at)
    SELECT ${key}, ${fingerprint}, ${paymentId}, ${now} WHERE NOT EXISTS (SELECT 1 FROM payments WHERE idempotency_key = ${key})
    ON CONFLICT DO NOTHING`;
}

export interface NewPayment {
  readonly id: string;
  readonly orderId: string;
  readonly orderNumber: string;
  readonly customer: Customer;
  readonly amount: number;
  readonly currency: string;
  readonly correlationId: string;
  readonly idempotency?: IntentKey | undefined;
  readonly unproven?: UnprovenPayer | undefined;
  /** False when the order accepts no payment any more. */
  readonly mayBegin: boolean;
}

/**
 * Writes an order's payment. Writes nothing when the order is closed or has a payment, when the key was used,
 * and when a cap on declined cards is reached or ended the order's payment. `retryAt` is `retryAtExpression` for the same payer.
 */
export function paymentInsert(payment: NewPayment, retryAt: SQL, actor: string, now: number): SQL {
  const { id, orderId, orderNumber, customer, amount, currency, correlationId, idempotency, unproven } = payment;
  const begun: HistoryEntry = { version: 1, status: "CREATED", at: now, actor, reason: "intent" };
  return sql`INSERT INTO payments (id, order_id, order_number, customer, amount, currency, status, history, idempotency_key, fingerprint,
        correlation_id, payer, network, next_check_at, created_at, updated_at)
      SELECT ${id}, ${orderId}, ${orderNumber}, ${JSON.stringify(customer)}, ${amount}, ${currency}, ${begun.status}, ${JSON.stringify([begun])},
        ${idempotency?.key ?? null}, ${idempotency?.fingerprint ?? null}, ${correlationId}, ${unproven?.payer ?? null},
        ${unproven?.network ?? null}, ${now + FIRST_CHECK_MS}, ${now}, ${now}
      WHERE ${payment.mayBegin ? sql`true` : sql`false`}
        AND NOT EXISTS (SELECT 1 FROM closed_orders WHERE order_id = ${orderId})
        AND NOT EXISTS (SELECT 1 FROM payments WHERE order_id = ${orderId} AND stopped_by IS NOT NULL)
        AND ${retryAt} IS NULL
        AND NOT ${idempotency === undefined ? sql`false` : isKeyUsed(idempotency.key)}
      ON CONFLICT DO NOTHING`;
}

/** Stores the intent that Stripe made for a row. Does nothing when the row has one. */
export function adoptIntent(paymentId: string, intentId: string, clientSecret: string, now: number): SQL {
  return sql`UPDATE payments SET stripe_payment_intent_id = ${intentId}, client_secret = ${clientSecret},
      version = version + 1, updated_at = ${now}
    WHERE id = ${paymentId} AND stripe_payment_intent_id IS NULL`;
}

/** Gives the next creation of the intent a new key. If the old call created one after all, nobody has its secret to pay it. */
export function renewCreation(row: PaymentRow): SQL {
  return sql`UPDATE payments SET create_generation = create_generation + 1
    WHERE id = ${row.id} AND create_generation = ${row.createGeneration} AND stripe_payment_intent_id IS NULL`;
}
