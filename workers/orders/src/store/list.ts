// The lists of orders. A page's ids are selected first, from the index that has the page's order or serves the narrowest filter; only
// these orders are then read with their lines. test/plans.test.ts holds each filter to its index.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { OrderStatus, PaymentStatus } from "#shared/contracts/orders";
import { inJson, select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { NumberThenId } from "#shared/paging";
import { searchBack } from "#shared/search";
import type { Part } from "#shared/search";
import { SORTED_MATCHES } from "../constants.ts";
import { orders } from "../schema.ts";
import { readOrders } from "./orders.ts";
import type { StoredOrder } from "./orders.ts";

/** Times in milliseconds, both ends of `created` as the API names them. */
export interface OrderFilter {
  readonly customerId?: string | undefined;
  readonly vendorId?: string | undefined;
  readonly number?: string | undefined;
  readonly externalId?: string | undefined;
  readonly email?: string | undefined;
  readonly q?: string | undefined;
  readonly status?: readonly OrderStatus[] | undefined;
  readonly paymentStatus?: readonly PaymentStatus[] | undefined;
  readonly createdFrom?: number | undefined;
  readonly createdTo?: number | undefined;
  /** Makes the list a feed of changes. */
  readonly updatedSince?: number | undefined;
}

/** Of the previous page's last order: its time and id, or in a feed its change's position. */
export type OrderKey = NumberThenId | [changeSeq: number];

/** Texts that begin with `text`; the greatest code point sorts after any continuation. */
function begins(column: SQL, text: SQL): SQL {
  return sql`${column} >= ${text} AND ${column} < ${text} || char(1114111)`;
}

/** Each part is a range of its own index. SQLite ignores the case of the letters A to Z only, on both sides. */
function partsOf(q: string): SQL[] {
  const lower = sql`lower(${q})`;
  return [begins(sql`number`, sql`upper(${q})`), begins(sql`email`, lower), begins(sql`addressee`, lower)];
}

/** The ids of all orders that a text finds, or of as many in each part. */
function found(q: string, limit = sql``): SQL {
  return sql.join(
    partsOf(q).map((part) => sql`SELECT id FROM (SELECT id FROM orders WHERE ${part} ${limit})`),
    sql` UNION `,
  );
}

/** Those that orders_at_work has, which serves no bound parameter. */
const AT_WORK: Readonly<Partial<Record<OrderStatus, SQL>>> = {
  CONFIRMED: sql`status = 'CONFIRMED' AND status IN ('CONFIRMED', 'PROCESSING', 'SHIPPED')`,
  PROCESSING: sql`status = 'PROCESSING' AND status IN ('CONFIRMED', 'PROCESSING', 'SHIPPED')`,
  SHIPPED: sql`status = 'SHIPPED' AND status IN ('CONFIRMED', 'PROCESSING', 'SHIPPED')`,
};

/** Of a list that nothing else narrows: SQLite would prefer this index to that of a buyer, who has fewer orders. */
function inStatus(statuses: readonly OrderStatus[], { isNarrowed }: { readonly isNarrowed: boolean }): SQL {
  const [first, ...others] = statuses;
  const isOne = first !== undefined && others.length === 0 && !isNarrowed;
  return (isOne ? AT_WORK[first] : undefined) ?? inJson(sql`status`, statuses);
}

/** Filters that an index narrows to one owner's or a few orders. */
function equalOf(filter: OrderFilter): Readonly<Record<string, string | undefined>> {
  return {
    customer_id: filter.customerId,
    vendor_id: filter.vendorId,
    number: filter.number,
    external_id: filter.externalId,
    email: filter.email,
  };
}

/** A text is looked up in its indexes, or compared with each order that is read. */
function conditionsOf(filter: OrderFilter, { isEachCompared = false } = {}): SQL[] {
  const equal = equalOf(filter);
  const { q, status, paymentStatus, createdFrom, createdTo, updatedSince } = filter;
  const isNarrowed = [...Object.values(equal), q, updatedSince].some((value) => value !== undefined);
  return [
    ...Object.entries(equal).flatMap(([column, value]) =>
      value === undefined ? [] : [sql`${sql.identifier(column)} = ${value}`],
    ),
    ...(q === undefined ? [] : [isEachCompared ? sql`(${sql.join(partsOf(q), sql` OR `)})` : sql`id IN (${found(q)})`]),
    ...(status === undefined ? [] : [inStatus(status, { isNarrowed })]),
    ...(paymentStatus === undefined ? [] : [inJson(sql`payment_status`, paymentStatus)]),
    ...(createdFrom === undefined ? [] : [sql`created_at >= ${createdFrom}`]),
    ...(createdTo === undefined ? [] : [sql`created_at < ${createdTo}`]),
  ];
}

/** The ids of a page: newest first after `key` (created_at, id), or the changes after `key` (change_seq). */
export function pageQuery(filter: OrderFilter, key: OrderKey | undefined, limit: number): SQL {
  const { updatedSince } = filter;
  // A change's position is never below its time, and later commits have greater ones: no change is missed.
  const after =
    updatedSince === undefined
      ? key && sql`(created_at, id) < (${key[0]}, ${key[1] ?? ""})`
      : key
        ? sql`change_seq > ${key[0]}`
        : sql`change_seq >= ${updatedSince}`;
  const conditions = [...conditionsOf(filter), ...(after === undefined ? [] : [after])];
  const where = conditions.length === 0 ? sql`` : sql`WHERE ${sql.join(conditions, sql` AND `)}`;
  const order = updatedSince === undefined ? sql`created_at DESC, id DESC` : sql`change_seq`;
  return sql`SELECT id FROM orders ${where} ORDER BY ${order} LIMIT ${limit}`;
}

/** Whether a text finds more orders than are worth sorting. */
async function findsMany(db: Database, q: string): Promise<boolean> {
  const some = found(q, sql`LIMIT ${SORTED_MATCHES + 1}`);
  const row = await db.first(select({ count: sql<number>`count(*)` }, sql`FROM (${some})`));
  return row !== undefined && row.count > SORTED_MATCHES;
}

interface PlacedOrder {
  readonly id: string;
  readonly createdAt: number;
}

/** Searches the newest orders, a bounded way at a time, where a text finds very many; undefined where an index leaves few to read. */
export async function searchOrders(
  db: Database,
  filter: OrderFilter,
  key: OrderKey | undefined,
  limit: number,
): Promise<Part<PlacedOrder> | undefined> {
  const { q, updatedSince } = filter;
  const isNarrowed = updatedSince !== undefined || Object.values(equalOf(filter)).some((value) => value !== undefined);
  if (q === undefined || isNarrowed || !(await findsMany(db, q))) return undefined;
  return await searchBack(db, {
    fields: { id: orders.id, createdAt: orders.createdAt },
    table: "orders",
    key: ["created_at", "id"],
    wanted: sql.join(conditionsOf(filter, { isEachCompared: true }), sql` AND `),
    before: key && [key[0], key[1] ?? ""],
    limit,
  });
}

export async function listStoredOrders(
  db: Database,
  filter: OrderFilter,
  key: OrderKey | undefined,
  limit: number,
): Promise<Part<StoredOrder>> {
  const order = filter.updatedSince === undefined ? sql`created_at DESC, id DESC` : sql`change_seq`;
  const found = await searchOrders(db, filter, key, limit);
  const ids = found?.rows.map(({ id }) => id);
  const isOnPage = ids === undefined ? sql`id IN (${pageQuery(filter, key, limit)})` : inJson(orders.id, ids);
  return { rows: await readOrders(db, sql`WHERE ${isOnPage} ORDER BY ${order}`), reached: found?.reached };
}
