// Reads orders: one statement returns an order with its lines, history and refunds.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import * as z from "zod";
import { Address, OrderRefund, TrackingBody } from "#shared/contracts/orders";
import type { Order } from "#shared/contracts/orders";
import { Metadata } from "#shared/contracts/references";
import { inJson, select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Query, RowOf } from "#shared/statement";
import { Customer, OrderEventData } from "#shared/events/catalogue";
import type { EventLine } from "#shared/events/catalogue";
import type { OrderState } from "../domain/order.ts";
import { orders } from "../schema.ts";

const StoredItem = z.object({
  id: z.string(),
  productId: z.string(),
  vendorId: z.string().nullable(),
  sku: z.string(),
  name: z.string(),
  unitPrice: z.int(),
  quantity: z.int(),
  lineTotal: z.int(),
  refundedQuantity: z.int(),
});
type StoredItem = z.infer<typeof StoredItem>;
const StoredItems = z.array(StoredItem);

const HistoryEntry = z.object({
  /** The order's version that this entry made. */
  version: z.int(),
  from: z.string().nullable(),
  to: z.string(),
  at: z.int(),
  actor: z.string(),
  reason: z.string().nullable(),
  tracking: TrackingBody.nullable(),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;
const StoredHistory = z.array(HistoryEntry);

/** The column `history` with one more entry, given as an expression that is JSON. */
export function withEntry(entry: SQL): SQL {
  return sql`json_insert(history, '$[#]', ${entry})`;
}

const StoredRefunds = z.array(
  OrderRefund.extend({ paymentId: z.string().nullable(), createdAt: z.int() }).transform(
    ({ paymentId, createdAt, ...refund }): OrderRefund => ({
      ...refund,
      ...(paymentId === null ? {} : { paymentId }),
      createdAt: iso(createdAt),
    }),
  ),
);

/** A stored order: what the API returns, and what the rules need. Times in milliseconds. */
export interface StoredOrder {
  readonly order: Order;
  readonly version: number;
  readonly paymentVersion: number;
  readonly customer: Customer;
  readonly eventData: OrderEventData;
  readonly reservationOwner: string;
  readonly requestKey: string;
  readonly fingerprint: string;
  readonly correlationId: string;
  readonly accessTokenHash: string | null;
  readonly createdAt: number;
  readonly paymentDueAt: number;
  /** Staff's references. They are not in `order`, so that none is rendered by accident. */
  readonly references: { readonly externalId: string | null; readonly metadata: Metadata | null };
  /** The position of its last change among all orders' changes. */
  readonly changeSeq: number;
  /** Whose product each line is; null is the shop's. */
  readonly vendorIds: readonly (string | null)[];
}

const FIELDS = {
  ...getTableColumns(orders),
  items: sql<string>`(SELECT json_group_array(json_object('id', id, 'productId', product_id, 'vendorId', vendor_id, 'sku', sku,
      'name', name, 'unitPrice', unit_price, 'quantity', quantity, 'lineTotal', line_total, 'refundedQuantity', refunded_quantity))
    FROM (SELECT * FROM order_items WHERE order_id = orders.id ORDER BY position))`,
  earlierHistory: sql<string>`(SELECT json_group_array(json_object('version', version, 'from', from_status, 'to', to_status, 'at', at,
      'actor', actor, 'reason', reason, 'tracking', json(tracking)))
    FROM order_history WHERE order_id = orders.id)`,
  refunds: sql<string>`(SELECT json_group_array(json_object('id', id, 'orderId', order_id, 'paymentId', payment_id,
      'amount', amount, 'shipping', shipping, 'currency', currency, 'status', status, 'lines', json(lines), 'reason', reason,
      'createdAt', created_at))
    FROM (SELECT * FROM order_refunds WHERE order_id = orders.id ORDER BY id))`,
};

function iso(time: number): string {
  return new Date(time).toISOString();
}

function renderItem({ vendorId: _vendorId, ...item }: StoredItem): Order["items"][number] {
  return item;
}

function renderHistory({ version: _version, tracking, ...entry }: HistoryEntry): Order["history"][number] {
  const rendered = { ...entry, at: iso(entry.at), ...(tracking === null ? {} : { tracking }) };
  return rendered as Order["history"][number];
}

function stored(row: RowOf<typeof FIELDS>): StoredOrder {
  const items = StoredItems.parse(JSON.parse(row.items));
  const history = [row.earlierHistory, row.history]
    .flatMap((text) => StoredHistory.parse(JSON.parse(text)))
    .toSorted((a, b) => a.version - b.version);
  const order: Order = {
    id: row.id,
    number: row.number,
    customerId: row.customerId,
    status: row.status,
    subtotal: row.subtotal,
    discount: row.discount,
    shipping: row.shipping,
    tax: row.tax,
    total: row.total,
    currency: row.currency,
    items: items.map(renderItem),
    shippingAddress: Address.parse(JSON.parse(row.shippingAddress)),
    shippingMethod: row.shippingMethod,
    paymentStatus: row.paymentStatus,
    stockStatus: row.stockStatus,
    paymentDueAt: iso(row.paymentDueAt),
    ...(row.tracking === null ? {} : { tracking: TrackingBody.parse(JSON.parse(row.tracking)) }),
    history: history.map(renderHistory),
    refunds: StoredRefunds.parse(JSON.parse(row.refunds)),
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
  };
  return {
    order,
    version: row.version,
    paymentVersion: row.paymentVersion,
    customer: Customer.parse(JSON.parse(row.customer)),
    eventData: OrderEventData.parse(JSON.parse(row.eventData)),
    reservationOwner: row.reservationOwner,
    requestKey: row.requestKey,
    fingerprint: row.fingerprint,
    correlationId: row.correlationId,
    accessTokenHash: row.accessTokenHash,
    createdAt: row.createdAt,
    paymentDueAt: row.paymentDueAt,
    references: {
      externalId: row.externalId,
      metadata: row.metadata === null ? null : Metadata.parse(JSON.parse(row.metadata)),
    },
    changeSeq: row.changeSeq,
    vendorIds: items.map(({ vendorId }) => vendorId),
  };
}

/** The order as the state machine sees it. */
export function stateOf({ order, paymentVersion, paymentDueAt, createdAt }: StoredOrder): OrderState {
  const { status, paymentStatus, stockStatus } = order;
  return { status, paymentStatus, stockStatus, paymentVersion, paymentDueAt, createdAt };
}

/** `condition` is the rest of the statement, from its WHERE on. */
export async function readOrders(db: Database, condition: SQL): Promise<StoredOrder[]> {
  return (await db.all(select(FIELDS, sql`FROM orders ${condition}`))).map(stored);
}

export async function findOrder(db: Database, id: string): Promise<StoredOrder | undefined> {
  return (await readOrders(db, sql`WHERE id = ${id}`))[0];
}

/** The order placed by this request, or by another checkout of the same cart. */
export async function findPlaced(db: Database, requestKey: string, orderId?: string): Promise<StoredOrder | undefined> {
  const found = await readOrders(db, sql`WHERE request_key = ${requestKey} OR id = ${orderId ?? ""} LIMIT 2`);
  // The order of the request itself goes before one that only shares the cart.
  return found.find(({ order }) => order.id !== orderId) ?? found[0];
}

/** The first `limit` lines of these orders with the id of each line's order, in their order. */
export async function readFirstLines(
  db: Database,
  orderIds: readonly string[],
  limit: number,
): Promise<readonly (EventLine & { readonly orderId: string })[]> {
  const fields = {
    orderId: sql<string>`order_id`,
    productId: sql<string>`product_id`,
    sku: sql<string>`sku`,
    name: sql<string>`name`,
    quantity: sql<number>`quantity`,
    unitPrice: sql<number>`unit_price`,
    lineTotal: sql<number>`line_total`,
  };
  const first = sql`FROM order_items WHERE ${inJson(sql`order_id`, orderIds)} AND position < ${limit} ORDER BY order_id, position`;
  return await db.all(select(fields, first));
}

/** The sums of a customer's orders, found by the index orders_by_customer. `total` is of those not cancelled; null when all are. */
export function customerTotalsQuery(
  customerId: string,
): Query<{ readonly currency: string; readonly count: number; readonly total: number | null }> {
  const fields = {
    currency: orders.currency,
    count: sql<number>`count(*)`,
    total: sql<number | null>`sum(total) FILTER (WHERE status <> 'CANCELLED')`,
  };
  return select(
    fields,
    sql`FROM orders WHERE customer_id = ${customerId} GROUP BY orders.currency ORDER BY orders.currency`,
  );
}

export async function orderExists(db: Database, id: string): Promise<boolean> {
  return (await db.first(select({ id: orders.id }, sql`FROM orders WHERE id = ${id}`))) !== undefined;
}

// The position of a change among all changes of orders, assigned in its commit: see migrations/order/0007_lists.sql.
const LAST = "coalesce((SELECT max(change_seq) FROM orders WHERE change_seq IS NOT NULL), 0)";

/** For an INSERT whose member is the time of the change. */
export const NEXT_CHANGE_SEQ = `max(?, ${LAST} + 1)`;

/** For an UPDATE at `now`, in milliseconds. */
export function changeSeqAt(now: number): SQL {
  return sql`max(${now}, ${sql.raw(LAST)} + 1)`;
}
