// Reads of the ledger, newest first.
import { and, desc, eq, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Transaction } from "#shared/contracts/inventory";
import type { Deps } from "#shared/deps";
import { ledger } from "../schema.ts";

export interface LedgerFilter {
  readonly productId: string | undefined;
  readonly type: Transaction["type"] | undefined;
  /** Only entries of this vendor's products. */
  readonly vendorId: string | undefined;
}

export type LedgerEntry = typeof ledger.$inferSelect;

/** Reads `limit + 1` entries after the key `after` of the previous page's last row. */
export async function readLedger(
  deps: Deps,
  { productId, type, vendorId }: LedgerFilter,
  after: readonly (string | number)[] | undefined,
  limit: number,
): Promise<LedgerEntry[]> {
  const conditions: (SQL | undefined)[] = [
    productId === undefined ? undefined : eq(ledger.productId, productId),
    type === undefined ? undefined : eq(ledger.type, type),
    vendorId === undefined
      ? undefined
      : sql`${ledger.productId} IN (SELECT product_id FROM stock_levels WHERE vendor_id = ${vendorId})`,
    after && sql`(${ledger.createdAt}, ${ledger.id}) < (${after[0] ?? 0}, ${after[1] ?? ""})`,
  ];
  return await deps.db
    .select()
    .from(ledger)
    .where(and(...conditions))
    .orderBy(desc(ledger.createdAt), desc(ledger.id))
    .limit(limit + 1);
}
