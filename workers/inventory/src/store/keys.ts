// Idempotency-Keys of adjustments, across products. Which key made an adjustment is known to the product's object; this table
// keeps the same key from being used for another product.
import { getTableColumns, sql } from "drizzle-orm";
import { commit } from "#shared/database";
import { select } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { adjustmentKeys } from "../schema.ts";
import type { AdjustmentKey } from "../schema.ts";

/** Claims a key. Returns the row that has it now: this claim, or an earlier one. */
export async function claimKey(
  deps: Deps,
  { actor, key, productId, fingerprint, createdAt }: AdjustmentKey,
): Promise<AdjustmentKey> {
  const { results } = await commit(deps.db, {
    claim: sql`INSERT INTO adjustment_keys (actor, key, product_id, fingerprint, created_at)
      VALUES (${actor}, ${key}, ${productId}, ${fingerprint}, ${createdAt}) ON CONFLICT DO NOTHING`,
    owner: select(getTableColumns(adjustmentKeys), sql`FROM adjustment_keys WHERE actor = ${actor} AND key = ${key}`),
  });
  const [row] = results.owner.rows;
  if (row === undefined) throw new Error("claiming an Idempotency-Key wrote no row");
  return row;
}

/** Replaces an abandoned claim. False when another request replaced it first. */
export async function takeOverKey(deps: Deps, stale: AdjustmentKey, claim: AdjustmentKey): Promise<boolean> {
  const { results } = await commit(deps.db, {
    claim: sql`UPDATE adjustment_keys SET product_id = ${claim.productId}, fingerprint = ${claim.fingerprint},
        created_at = ${claim.createdAt}
      WHERE actor = ${stale.actor} AND key = ${stale.key} AND fingerprint = ${stale.fingerprint}
        AND created_at = ${stale.createdAt}`,
  });
  return results.claim.changes > 0;
}

/** Frees the key of a refused adjustment: only one that succeeded is remembered. */
export async function releaseKey(deps: Deps, { actor, key, fingerprint }: AdjustmentKey): Promise<void> {
  await commit(deps.db, {
    released: sql`DELETE FROM adjustment_keys WHERE actor = ${actor} AND key = ${key} AND fingerprint = ${fingerprint}`,
  });
}
