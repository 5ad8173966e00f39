// Drops what is past its retention.
import { sql } from "drizzle-orm";
import { commit } from "#shared/database";
import { RETENTION_MS } from "../constants.ts";
import type { StoreDeps } from "./deps.ts";

/** The objects drop their own copies at the same age. The ledger stays for ever. Returns how many rows went. */
export async function purgeReservations(deps: StoreDeps): Promise<number> {
  const before = deps.now() - RETENTION_MS;
  const { results } = await commit(deps.db, [
    sql`DELETE FROM reservations WHERE state IN ('expired', 'released', 'consumed') AND updated_at < ${before}`,
    sql`DELETE FROM manual_reservations WHERE state IN ('released', 'failed') AND updated_at < ${before}`,
    sql`DELETE FROM adjustment_keys WHERE created_at < ${before}`,
  ]);
  return results.reduce((sum, { meta }) => sum + meta.changes, 0);
}
