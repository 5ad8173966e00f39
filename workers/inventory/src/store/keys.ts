// Idempotency keys of adjustments across products. A product's object remembers the keys it has served; this table only knows
// which product a key was meant for, so that the same key on another product is refused.
import { sql } from "drizzle-orm";
import { commit } from "#shared/database";
import type { Deps } from "#shared/deps";
import type { AdjustmentKey } from "../schema.ts";

/** Claims a key, or tells whose it is: the row that stands afterwards. */
export async function claimKey(
  deps: Deps,
  { actor, key, productId, fingerprint, createdAt }: AdjustmentKey,
): Promise<AdjustmentKey> {
  const { results } = await commit(deps.db, [
    sql`INSERT INTO adjustment_keys (actor, key, product_id, fingerprint, created_at)
      VALUES (${actor}, ${key}, ${productId}, ${fingerprint}, ${createdAt}) ON CONFLICT DO NOTHING`,
    sql`SELECT actor, key, product_id AS productId, fingerprint, created_at AS createdAt FROM adjustment_keys
      WHERE actor = ${actor} AND key = ${key}`,
  ]);
  const [row] = (results.at(-1)?.results ?? []) as unknown as AdjustmentKey[];
  if (row === undefined) throw new Error("the claim of an idempotency key was not written");
  return row;
}

/** Takes a key over from a claim that came to nothing. False when somebody else was faster. */
export async function takeOverKey(deps: Deps, stale: AdjustmentKey, claim: AdjustmentKey): Promise<boolean> {
  const { results } = await commit(deps.db, [
    sql`UPDATE adjustment_keys SET product_id = ${claim.productId}, fingerprint = ${claim.fingerprint},
        created_at = ${claim.createdAt}
      WHERE actor = ${stale.actor} AND key = ${stale.key} AND fingerprint = ${stale.fingerprint}
        AND created_at = ${stale.createdAt}`,
  ]);
  return (results[0]?.meta.changes ?? 0) > 0;
}

/** Only what succeeded is remembered: a refused adjustment gives its key back. */
export async function releaseKey(deps: Deps, { actor, key, fingerprint }: AdjustmentKey): Promise<void> {
  await commit(deps.db, [
    sql`DELETE FROM adjustment_keys WHERE actor = ${actor} AND key = ${key} AND fingerprint = ${fingerprint}`,
  ]);
}
