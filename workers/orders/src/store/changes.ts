// The place of a change among all changes of orders, taken in its commit: see migrations/order/0007_lists.sql.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";

const LAST = "coalesce((SELECT max(change_seq) FROM orders WHERE change_seq IS NOT NULL), 0)";

/** For an INSERT whose member is the time of the change. */
export const PLACE_FROM_TIME = `max(?, ${LAST} + 1)`;

/** For an UPDATE at `now`, in milliseconds. */
export function nextPlace(now: number): SQL {
  return sql`max(${now}, ${sql.raw(LAST)} + 1)`;
}
