// What staff notes on an order beside its life.
import { sql } from "drizzle-orm";
import type { Metadata } from "#shared/contracts/references";
import { mustChange } from "#shared/database";
import type { Statement } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import type { StoredOrder } from "./orders.ts";

/** @throws StaleWrite when the order changed since it was read, UniqueViolation when another order has the external id. */
export async function writeReferences(
  deps: Deps,
  { order, version }: StoredOrder,
  { externalId, metadata }: { readonly externalId: string | null; readonly metadata: Metadata | null },
  now: number,
  audit: Statement,
): Promise<void> {
  const text = metadata === null ? null : JSON.stringify(metadata);
  await save(deps, [
    sql`UPDATE orders SET external_id = ${externalId}, metadata = ${text}, version = version + 1, updated_at = ${now}
      WHERE id = ${order.id} AND version = ${version}`,
    mustChange(),
    audit,
  ]);
}
