// Under which Idempotency-Key a payment was asked for. The key that made a payment stands in its row, one that found it in
// intent_keys, and no key in both.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";

export interface IntentKey {
  /** Digests of the caller's Idempotency-Key and of what was asked under it. */
  readonly key: string;
  readonly fingerprint: string;
}

/** Whether the key has found a payment before. */
export function hasFound(key: string): SQL {
  return sql`EXISTS (SELECT 1 FROM intent_keys WHERE idempotency_key = ${key})`;
}

/** A condition on payments: made or found under the key. */
export function byKey(key: string): SQL {
  return sql`(idempotency_key = ${key} OR id = (SELECT payment_id FROM intent_keys WHERE idempotency_key = ${key}))`;
}

/** One row when the key is known: `fingerprint`, and `made` (1 or 0). */
export function keySelect(key: string): SQL {
  return sql`SELECT fingerprint, 1 AS made FROM payments WHERE idempotency_key = ${key}
    UNION ALL SELECT fingerprint, 0 FROM intent_keys WHERE idempotency_key = ${key}`;
}

/** Remembers that the key found a payment. Nothing is written when the key is taken: `keySelect` tells by what. */
export function keyInsert({ key, fingerprint }: IntentKey, paymentId: string, now: number): SQL {
  return sql`INSERT INTO intent_keys (idempotency_key, fingerprint, payment_id, created_at)
    SELECT ${key}, ${fingerprint}, ${paymentId}, ${now} WHERE NOT EXISTS (SELECT 1 FROM payments WHERE idempotency_key = ${key})
    ON CONFLICT DO NOTHING`;
}
