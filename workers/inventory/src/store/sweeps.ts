// What the sweeps read and write in D1.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { commit, readAll } from "#shared/database";
import { inJson, select } from "#shared/statement";
import type { Query } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { findingsMended } from "#shared/findings";
import { RETENTION_MS, THRESHOLD_UPDATES } from "../constants.ts";
import { reservations, stockLevels } from "../schema.ts";

export interface Candidate {
  readonly productId: string;
  /** Its copy has a hold long past its time, so a flush is missing. */
  readonly isStale: boolean;
  /** False while no object has written the level. D1 is right then, and a call would only wake the object. */
  readonly isWritten: boolean;
}

/** Products with a hold that expired before `before` (ms). */
function withStaleHold(before: number, limit: number): Query<{ readonly productId: string }> {
  const from = sql`FROM reservations WHERE state = 'held' AND expires_at < ${before} GROUP BY product_id LIMIT ${limit}`;
  return select({ productId: reservations.productId }, from);
}

/** Products with a hold that expired before `staleBefore` (ms), then those compared longest ago and before `comparedBefore` (ms). */
export async function readCandidates(
  deps: Deps,
  { staleBefore, comparedBefore, limit }: { staleBefore: number; comparedBefore: number; limit: number },
): Promise<Candidate[]> {
  const { productId, sequence } = stockLevels;
  const { stale, oldest } = await readAll(deps.db, {
    stale: withStaleHold(staleBefore, limit),
    oldest: select(
      { productId, sequence },
      sql`FROM stock_levels WHERE reconciled_at < ${comparedBefore} ORDER BY reconciled_at LIMIT ${limit}`,
    ),
  });
  return toCandidates(stale, oldest);
}

/** Every product that an object has written, even if D1 has lost its level. */
export async function readAllCandidates(deps: Deps, staleBefore: number): Promise<Candidate[]> {
  const { stale, all } = await readAll(deps.db, {
    stale: withStaleHold(staleBefore, -1),
    all: select(
      { productId: sql<string>`product_id` },
      sql`FROM stock_levels WHERE sequence > 0 UNION SELECT product_id FROM reservations WHERE sequence > 0
        UNION SELECT product_id FROM ledger WHERE product_id NOT IN (SELECT product_id FROM stock_levels)`,
    ),
  });
  return toCandidates(stale, all);
}

function toCandidates(
  stale: readonly { readonly productId: string }[],
  others: readonly { readonly productId: string; readonly sequence?: number }[],
): Candidate[] {
  const isStale = new Set(stale.map(({ productId }) => productId));
  const rest = others.filter(({ productId }) => !isStale.has(productId));
  return [
    ...stale.map(({ productId }) => ({ productId, isStale: true, isWritten: true })),
    ...rest.map(({ productId, sequence }) => ({ productId, isStale: false, isWritten: sequence !== 0 })),
  ];
}

/** Moves these products to the end of the queue, and closes the open findings of the consistent ones. */
export async function markReconciled(
  deps: Deps,
  productIds: readonly string[],
  consistent: readonly string[],
): Promise<void> {
  const now = deps.now();
  await commit(deps.db, {
    reconciled: sql`UPDATE stock_levels SET reconciled_at = ${now} WHERE ${inJson(sql`product_id`, productIds)}`,
    closed: findingsMended(now, ["stock_ledger_differs", "stock_taken_differs"], consistent),
  });
}

/** Writes the shop's default threshold to products that still have an earlier default. Returns how many. */
export async function writeShopThreshold(deps: Deps, shop: number): Promise<number> {
  const stale = (comparison: SQL): SQL =>
    sql`SELECT product_id FROM stock_levels WHERE low_stock_threshold IS NULL AND threshold ${comparison} ${shop}`;
  const { results } = await commit(deps.db, {
    levels: sql`UPDATE stock_levels SET threshold = ${shop}
      WHERE product_id IN (${stale(sql`<`)} UNION ALL ${stale(sql`>`)} LIMIT ${THRESHOLD_UPDATES})`,
  });
  return results.levels.changes;
}

/** Adds up what is reserved, for the metrics. Reads every level, which once an hour is cheaper than a row written for each order. */
export async function addUpReserved(deps: Deps): Promise<number> {
  await commit(deps.db, {
    totals: sql`UPDATE stock_totals
      SET reserved = iif(availability = 'in_stock', (SELECT coalesce(sum(reserved), 0) FROM stock_levels), 0)`,
  });
  return 0;
}

/** Deletes rows past their retention; objects delete theirs at the same age. The ledger stays. Returns how many. */
export async function purgeReservations(deps: Deps): Promise<number> {
  const before = deps.now() - RETENTION_MS;
  const { results } = await commit(deps.db, {
    reservations: sql`DELETE FROM reservations WHERE state IN ('expired', 'released', 'consumed') AND updated_at < ${before}`,
    manual: sql`DELETE FROM manual_reservations WHERE state IN ('released', 'failed') AND updated_at < ${before}`,
    keys: sql`DELETE FROM adjustment_keys WHERE created_at < ${before}`,
  });
  return results.reservations.changes + results.manual.changes + results.keys.changes;
}
