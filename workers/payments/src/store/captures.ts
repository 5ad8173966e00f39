// The amount to capture under each Idempotency-Key, written before Stripe is called.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Query } from "#shared/statement";
import { captures } from "../schema.ts";
import type { CaptureRow } from "../schema.ts";

type CaptureKey = Pick<CaptureRow, "actor" | "idempotencyKey">;

function isOfKey({ actor, idempotencyKey }: CaptureKey): SQL {
  return sql`actor = ${actor} AND idempotency_key = ${idempotencyKey}`;
}

/** Writes nothing when the key is used or there is nothing to capture. Without `amount`, all that can be captured. */
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

export function captureSelect(key: CaptureKey): Query<CaptureRow> {
  return select(getTableColumns(captures), sql`FROM captures WHERE ${isOfKey(key)}`);
}

export function captureDone(key: CaptureKey, now: number): SQL {
  return sql`UPDATE captures SET captured_at = ${now} WHERE ${isOfKey(key)} AND captured_at IS NULL`;
}

/** Frees the key of a capture that Stripe refused, because only successes are replayed. */
export function captureRefused(key: CaptureKey): SQL {
  return sql`DELETE FROM captures WHERE ${isOfKey(key)} AND captured_at IS NULL`;
}
