// Reads orders: one statement returns an order with its lines, history and refunds.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { z } from "zod";
import { Address, OrderRefund, TrackingBody } from "#shared/contracts/orders";
import type { Order, OrderStatus, PaymentStatus, ShippingMethodId, StockStatus } from "#shared/contracts/orders";
import { Metadata } from "#shared/contracts/references";
import type { Database } from "#shared/database";
import { Customer, OrderEventData } from "#shared/events/catalogue";
import type { OrderState } from "../domain/order.ts";

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

const StoredHistory = z.array(
  z.object({
    from: z.string().nullable(),
    to: z.string(),
    at: z.int(),
    actor: z.string(),
    reason: z.string().nullable(),
    tracking: TrackingBody.nullable(),
  }),
);

const StoredRefunds = z.array(
  OrderRefund.extend({ paymentId: z.string().nullable(), createdAt: z.int() }).transform(
    ({ paymentId, createdAt, ...refund }): OrderRefund => ({
      ...refund,
      ...(paymentId === null ? {} : { paymentId }),
      createdAt: iso(createdAt),
    }),
  ),
);

interface Row {
  readonly id: string;
  readonly number: string;
  readonly customer_id: string | null;
  readonly customer: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly subtotal: number;
  readonly discount: number;
  readonly shipping: number;
  readonly tax: number;
  readonly total: number;
  readonly shipping_address: string;
  readonly shipping_method: ShippingMethodId;
  readonly payment_status: PaymentStatus;
  readonly payment_version: number;
  readonly stock_status: StockStatus;
  readonly payment_due_at: number;
  readonly tracking: string | null;
  readonly reservation_owner: string;
  readonly request_key: string;
  readonly fingerprint: string;
  readonly correlation_id: string;
  readonly access_token_hash: string | null;
  readonly event_data: string;
  readonly external_id: string | null;
  readonly metadata: string | null;
  readonly change_seq: number;
  readonly version: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly items: string;
  readonly history: string;
  readonly refunds: string;
}

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

const SELECT = sql`SELECT orders.*,
  (SELECT json_group_array(json_object('id', id, 'productId', product_id, 'vendorId', vendor_id, 'sku', sku, 'name', name,
      'unitPrice', unit_price, 'quantity', quantity, 'lineTotal', line_total, 'refundedQuantity', refunded_quantity))
    FROM (SELECT * FROM order_items WHERE order_id = orders.id ORDER BY position)) AS items,
  (SELECT json_group_array(json_object('from', from_status, 'to', to_status, 'at', at, 'actor', actor, 'reason', reason,
      'tracking', json(tracking)))
    FROM (SELECT * FROM order_history WHERE order_id = orders.id ORDER BY version)) AS history,
  (SELECT json_group_array(json_object('id', id, 'orderId', order_id, 'paymentId', payment_id, 'amount', amount, 'shipping', shipping,
      'currency', currency, 'status', status, 'lines', json(lines), 'reason', reason, 'createdAt', created_at))
    FROM (SELECT * FROM order_refunds WHERE order_id = orders.id ORDER BY id)) AS refunds
  FROM orders`;

function iso(time: number): string {
  return new Date(time).toISOString();
}

function renderItem({ vendorId: _vendorId, ...item }: StoredItem): Order["items"][number] {
  return item;
}

function renderHistory({ tracking, ...entry }: z.infer<typeof StoredHistory>[number]): Order["history"][number] {
  const rendered = { ...entry, at: iso(entry.at), ...(tracking === null ? {} : { tracking }) };
  return rendered as Order["history"][number];
}

function stored(row: Row): StoredOrder {
  const items = StoredItems.parse(JSON.parse(row.items));
  const history = StoredHistory.parse(JSON.parse(row.history));
  const order: Order = {
    id: row.id,
    number: row.number,
    customerId: row.customer_id,
    status: row.status,
    subtotal: row.subtotal,
    discount: row.discount,
    shipping: row.shipping,
    tax: row.tax,
    total: row.total,
    currency: row.currency,
    items: items.map(renderItem),
    shippingAddress: Address.parse(JSON.parse(row.shipping_address)),
    shippingMethod: row.shipping_method,
    paymentStatus: row.payment_status,
    stockStatus: row.stock_status,
    paymentDueAt: iso(row.payment_due_at),
    ...(row.tracking === null ? {} : { tracking: TrackingBody.parse(JSON.parse(row.tracking)) }),
    history: history.map(renderHistory),
    refunds: StoredRefunds.parse(JSON.parse(row.refunds)),
    createdAt: iso(row.created_at),
    updatedAt: iso(row.updated_at),
  };
  return {
    order,
    version: row.version,
    paymentVersion: row.payment_version,
    customer: Customer.parse(JSON.parse(row.customer)),
    eventData: OrderEventData.parse(JSON.parse(row.event_data)),
    reservationOwner: row.reservation_owner,
    requestKey: row.request_key,
    fingerprint: row.fingerprint,
    correlationId: row.correlation_id,
    accessTokenHash: row.access_token_hash,
    createdAt: row.created_at,
    paymentDueAt: row.payment_due_at,
    references: {
      externalId: row.external_id,
      metadata: row.metadata === null ? null : Metadata.parse(JSON.parse(row.metadata)),
    },
    changeSeq: row.change_seq,
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
  return (await db.all<Row>(sql`${SELECT} ${condition}`)).map(stored);
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

interface CurrencyTotal {
  readonly currency: string;
  readonly count: number;
  /** Of the orders that are not cancelled; null when all are. */
  readonly total: number | null;
}

/** The sums of a customer's orders, found by the index orders_by_customer. */
export function customerTotalsQuery(customerId: string): SQL {
  return sql`SELECT currency, count(*) AS count, sum(total) FILTER (WHERE status <> 'CANCELLED') AS total
    FROM orders WHERE customer_id = ${customerId} GROUP BY currency ORDER BY currency`;
}

export async function readCustomerTotals(db: Database, customerId: string): Promise<CurrencyTotal[]> {
  return await db.all<CurrencyTotal>(customerTotalsQuery(customerId));
}

export async function orderExists(db: Database, id: string): Promise<boolean> {
  return (await db.all(sql`SELECT 1 FROM orders WHERE id = ${id}`)).length > 0;
}

// The position of a change among all changes of orders, assigned in its commit: see migrations/order/0007_lists.sql.
const LAST = "coalesce((SELECT max(change_seq) FROM orders WHERE change_seq IS NOT NULL), 0)";

/** For an INSERT whose member is the time of the change. */
export const PLACE_FROM_TIME = `max(?, ${LAST} + 1)`;

/** For an UPDATE at `now`, in milliseconds. */
export function nextPlace(now: number): SQL {
  return sql`max(${now}, ${sql.raw(LAST)} + 1)`;
}
