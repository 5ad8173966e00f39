// What was asked to be captured under an Idempotency-Key, written before Stripe is asked.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { CaptureRow } from "../schema.ts";

type CaptureKey = Pick<CaptureRow, "actor" | "idempotencyKey">;

/** The whole of what can be captured when `amount` is null. Writes nothing when the key is taken or there is nothing to capture. */
export function captureInsert(
  key: CaptureKey & Pick<CaptureRow, "fingerprint" | "paymentId">,
  amount: number | null,
  now: number,
): SQL {
  return sql`INSERT INTO captures (actor, idempotency_key, fingerprint, payment_id, amount, created_at)
    SELECT ${key.actor}, ${key.idempotencyKey}, ${key.fingerprint}, id, coalesce(${amount}, amount_capturable), ${now}
    FROM payments WHERE id = ${key.paymentId} AND status = 'AUTHORIZED' AND coalesce(${amount}, amount_capturable) > 0
    ON CONFLICT DO NOTHING`;
}

export function captureSelect({ actor, idempotencyKey }: CaptureKey): SQL {
  return sql`SELECT * FROM captures WHERE actor = ${actor} AND idempotency_key = ${idempotencyKey}`;
}

export function captureDone({ actor, idempotencyKey }: CaptureKey, now: number): SQL {
  return sql`UPDATE captures SET captured_at = ${now}
    WHERE actor = ${actor} AND idempotency_key = ${idempotencyKey} AND captured_at IS NULL`;
}

/** Frees the key of a capture that Stripe refused: only successes are remembered. */
export function captureRefused({ actor, idempotencyKey }: CaptureKey): SQL {
  return sql`DELETE FROM captures WHERE actor = ${actor} AND idempotency_key = ${idempotencyKey} AND captured_at IS NULL`;
}
