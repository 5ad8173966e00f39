// The conditions of domain/order.ts as SQL. Values are written into the text, not bound, so that SQLite can use the partial indexes
// whose WHERE names the same values; they come from the declared tables, never from a caller.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Condition } from "../domain/order.ts";

function oneOf(column: string, values: readonly string[]): SQL {
  const texts = values.map((value) => `'${value}'`);
  return sql.raw(texts.length === 1 ? `${column} = ${texts.join("")}` : `${column} IN (${texts.join(", ")})`);
}

/** True for the rows of `orders` that meet the condition at time `at`, in milliseconds. */
export function conditionSql(condition: Condition, at: number): SQL {
  const { status, paymentStatus, stockStatus, paymentVersionBelow, isOverdue } = condition;
  const parts = [
    ...(status === undefined ? [] : [oneOf("status", status)]),
    ...(paymentStatus === undefined ? [] : [oneOf("payment_status", paymentStatus)]),
    ...(stockStatus === undefined ? [] : [oneOf("stock_status", stockStatus)]),
    ...(paymentVersionBelow === undefined ? [] : [sql`payment_version < ${paymentVersionBelow}`]),
    ...(isOverdue === undefined ? [] : [isOverdue ? sql`payment_due_at <= ${at}` : sql`payment_due_at > ${at}`]),
  ];
  return parts.length === 0 ? sql`true` : sql`(${sql.join(parts, sql` AND `)})`;
}

/** True for pending orders: others have no `buyer`. A range of the index orders_pending. */
export const IS_PENDING = sql`buyer > ''`;

/** True for the rows that meet one of the conditions; false of none. */
export function anySql(conditions: readonly Condition[], at: number): SQL {
  return conditions.length === 0
    ? sql`false`
    : sql`(${sql.join(
        conditions.map((condition) => conditionSql(condition, at)),
        sql` OR `,
      )})`;
}
