// Counts open unpaid orders under their caps: once before an order is placed, as an early refusal, and once in the order's own batch,
// which decides. Both indexes that serve it hold pending orders only.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { commit } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { CapName, CapScope, Caps, Exceeded } from "../domain/caps.ts";

/** What the order to place adds to the counts: nothing once it is in the table. Value in minor units. */
interface Addition {
  readonly orders: number;
  readonly value: number;
}

/** Which orders count under a cap. */
function countedUnder(cap: CapName, { buyer, network }: CapScope): SQL {
  if (cap === "network") return sql`network = ${network}`;
  const buyers = sql`open_unpaid = 1 AND buyer = ${buyer}`;
  return cap === "guest" ? sql`${buyers} AND network = ${network}` : buyers;
}

/** `(cap, by)` of each exceeded cap; no row when none is. A buyer's only order exceeds no cap on the value. */
function exceeded(scope: CapScope, caps: Caps, add: Addition): SQL {
  const usages = scope.caps.map(
    (cap) => sql`SELECT ${cap} AS cap, ${caps[cap].orders} AS max_orders, ${caps[cap].value} AS max_value,
      count(*) + ${add.orders} AS orders, coalesce(sum(total), 0) + ${add.value} AS value
      FROM orders WHERE ${countedUnder(cap, scope)}`,
  );
  return sql`WITH usage AS (${sql.join(usages, sql` UNION ALL `)})
    SELECT cap, iif(orders > max_orders, 'orders', 'value') AS by FROM usage
    WHERE orders > max_orders
      OR (value > max_value AND (SELECT orders FROM usage WHERE cap = ${scope.caps[0]}) > 1)`;
}

/** The first cap that an order of this total (minor units) would exceed now. */
export async function exceededCap(
  db: Database,
  scope: CapScope,
  caps: Caps,
  total: number,
): Promise<Exceeded | undefined> {
  const fields = { cap: sql<CapName>`over."cap"`, by: sql<Exceeded["by"]>`over."by"` };
  return await db.first(
    select(fields, sql`FROM (${exceeded(scope, caps, { orders: 1, value: total })}) AS over LIMIT 1`),
  );
}

/**
 * Follows the order's INSERT, so that a copy of the request meets its UNIQUE first. Aborts the batch with StaleWrite, as `mustChange` does,
 * when the order exceeds a cap, or its hold is barred.
 */
export function mustBeWithinCaps(scope: CapScope, caps: Caps, reservationOwner: string): SQL {
  return sql`SELECT json(iif(EXISTS (${exceeded(scope, caps, { orders: 0, value: 0 })})
    OR EXISTS (SELECT 1 FROM returned_holds WHERE owner = ${reservationOwner}), 'over a cap', 'true'))`;
}

export async function isHoldBarred(db: Database, reservationOwner: string): Promise<boolean> {
  const found = select({ one: sql<number>`1` }, sql`FROM returned_holds WHERE owner = ${reservationOwner}`);
  return (await db.first(found)) !== undefined;
}

/** Bars any later order from using this hold, whose stock is released. Writes nothing when an order uses it already. */
export async function barHold(
  db: Database,
  { owner, requestKey, now }: { readonly owner: string; readonly requestKey: string; readonly now: number },
): Promise<void> {
  await commit(db, {
    returned: sql`INSERT INTO returned_holds (owner, returned_at) SELECT ${owner}, ${now}
      WHERE NOT EXISTS (SELECT 1 FROM orders WHERE request_key = ${requestKey} AND reservation_owner = ${owner})
      ON CONFLICT DO NOTHING`,
  });
}

/** Deletes the bars of holds from before this time (ms). Returns how many. */
export async function purgeReturnedHolds(db: Database, before: number): Promise<number> {
  const { results } = await commit(db, { purged: sql`DELETE FROM returned_holds WHERE returned_at < ${before}` });
  return results.purged.changes;
}
