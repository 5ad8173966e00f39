// What the sweeps read and write in D1.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { commit, inJson, readAll } from "#shared/database";
import type { Deps } from "#shared/deps";
import { RETENTION_MS, THRESHOLD_UPDATES } from "../constants.ts";

export interface Candidate {
  readonly productId: string;
  /** Its copy has a hold long past its time, so a flush is missing. */
  readonly isStale: boolean;
  /** False while no object has written the level. D1 is right then, and a call would only wake the object. */
  readonly isWritten: boolean;
}

interface Row {
  readonly productId: string;
  readonly sequence: number;
}

/** Products with a hold that expired before `staleBefore` (ms), then those compared longest ago. */
export async function readCandidates(
  deps: Deps,
  { staleBefore, limit }: { staleBefore: number; limit: number },
): Promise<Candidate[]> {
  const [stale, oldest] = await readAll<[Row, Row]>(deps.db, [
    sql`SELECT DISTINCT product_id AS productId, 1 AS sequence FROM reservations
      WHERE state = 'held' AND expires_at < ${staleBefore} LIMIT ${limit}`,
    sql`SELECT product_id AS productId, sequence FROM stock_levels ORDER BY reconciled_at LIMIT ${limit}`,
  ]);
  return toCandidates(stale, oldest);
}

/** Every product that an object has written, even if D1 has lost its level. */
export async function readAllCandidates(deps: Deps, staleBefore: number): Promise<Candidate[]> {
  const [stale, all] = await readAll<[Row, Row]>(deps.db, [
    sql`SELECT DISTINCT product_id AS productId, 1 AS sequence FROM reservations
      WHERE state = 'held' AND expires_at < ${staleBefore}`,
    sql`SELECT product_id AS productId, 1 AS sequence FROM stock_levels WHERE sequence > 0
      UNION SELECT product_id, 1 FROM reservations WHERE sequence > 0
      UNION SELECT product_id, 1 FROM ledger WHERE product_id NOT IN (SELECT product_id FROM stock_levels)`,
  ]);
  return toCandidates(stale, all);
}

function toCandidates(stale: readonly Row[], others: readonly Row[]): Candidate[] {
  const isStale = new Set(stale.map(({ productId }) => productId));
  const rest = others.filter(({ productId }) => !isStale.has(productId));
  return [...stale, ...rest].map(({ productId, sequence }) => ({
    productId,
    isStale: isStale.has(productId),
    isWritten: sequence !== 0,
  }));
}

/** Moves these products to the end of the queue, and closes the open findings of the consistent ones. */
export async function markReconciled(
  deps: Deps,
  productIds: readonly string[],
  consistent: readonly string[],
): Promise<void> {
  const now = deps.now();
  await commit(deps.db, [
    sql`UPDATE stock_levels SET reconciled_at = ${now} WHERE ${inJson(sql`product_id`, productIds)}`,
    sql`UPDATE findings SET outcome = 'mended', last_found_at = ${now}
      WHERE outcome = 'open' AND kind IN ('stock_ledger_differs', 'stock_taken_differs') AND ${inJson(sql`subject`, consistent)}`,
  ]);
}

/** Writes the shop's default threshold to products that still have an earlier default. Returns how many. */
export async function writeShopThreshold(deps: Deps, shop: number): Promise<number> {
  const stale = (comparison: SQL): SQL =>
    sql`SELECT product_id FROM stock_levels WHERE low_stock_threshold IS NULL AND threshold ${comparison} ${shop}`;
  const { results } = await commit(deps.db, [
    sql`UPDATE stock_levels SET threshold = ${shop}
      WHERE product_id IN (${stale(sql`<`)} UNION ALL ${stale(sql`>`)} LIMIT ${THRESHOLD_UPDATES})`,
  ]);
  return results[0]?.meta.changes ?? 0;
}

/** Deletes rows past their retention; objects delete theirs at the same age. The ledger stays. Returns how many. */
export async function purgeReservations(deps: Deps): Promise<number> {
  const before = deps.now() - RETENTION_MS;
  const { results } = await commit(deps.db, [
    sql`DELETE FROM reservations WHERE state IN ('expired', 'released', 'consumed') AND updated_at < ${before}`,
    sql`DELETE FROM manual_reservations WHERE state IN ('released', 'failed') AND updated_at < ${before}`,
    sql`DELETE FROM adjustment_keys WHERE created_at < ${before}`,
  ]);
  return results.reduce((sum, { meta }) => sum + meta.changes, 0);
}
