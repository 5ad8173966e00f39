// Writing orders on request: the batch that makes one and the batch of a transition.
import { and, eq, sql } from "drizzle-orm";
import type { Order } from "#shared/contracts/orders";
import { insertInto, mustChange } from "#shared/database";
import type { Statement } from "#shared/database";
import type { Customer, OrderEventData } from "#shared/events/catalogue";
import type { EventEnvelope } from "#shared/events/envelope";
import { outboxInsert, save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { sellerOfAll } from "../domain/seller.ts";
import { PLACE_FROM_TIME } from "./changes.ts";
import { orderHistory, orders } from "../schema.ts";
import { mustBeWithinCaps } from "./caps.ts";
import type { Capped } from "./caps.ts";
import type { StoredItem, StoredOrder } from "./orders.ts";

const insertOrderRow = insertInto(orders, { changeSeq: PLACE_FROM_TIME });
const insertHistory = insertInto(orderHistory);

/** Everything an order is made of. Times in milliseconds. */
export interface NewOrder {
  readonly order: Order;
  readonly items: readonly StoredItem[];
  readonly customer: Customer;
  readonly eventData: OrderEventData;
  readonly requestKey: string;
  readonly fingerprint: string;
  readonly correlationId: string;
  readonly accessTokenHash: string | null;
  readonly actor: string;
  /** Digest of the client network that the order counts for, if it does. */
  readonly network: string | null;
  readonly now: number;
  readonly paymentDueAt: number;
}

/** One statement for any number of lines: D1 binds at most 100 parameters, JSON text is one. */
function insertItems(orderId: string, items: readonly StoredItem[]): Statement {
  return sql`INSERT INTO order_items
      (order_id, position, id, product_id, vendor_id, sku, name, unit_price, quantity, line_total)
    SELECT ${orderId}, key, value ->> 'id', value ->> 'productId', value ->> 'vendorId', value ->> 'sku', value ->> 'name',
      value ->> 'unitPrice', value ->> 'quantity', value ->> 'lineTotal'
    FROM json_each(${JSON.stringify(items)})`;
}

/**
 * Makes the order with its lines, its history and ORDER_CREATED, in one batch.
 * @throws UniqueViolation when the request or the cart has made its order already, or the number is taken; StaleWrite when it breaks
 * a cap or lives on a hold that was given back.
 */
export async function insertOrder(
  deps: Deps,
  draft: NewOrder,
  event: EventEnvelope,
  capped: Capped | undefined,
): Promise<void> {
  const { order, now } = draft;
  const {
    items: _items,
    history: _history,
    refunds: _refunds,
    tracking: _tracking,
    metadata: _metadata,
    ...columns
  } = order;
  await save(deps, [
    insertOrderRow({
      ...columns,
      customer: JSON.stringify(draft.customer),
      shippingAddress: JSON.stringify(order.shippingAddress),
      paymentDueAt: draft.paymentDueAt,
      reservationOwner: draft.eventData.reservationOwner,
      requestKey: draft.requestKey,
      fingerprint: draft.fingerprint,
      correlationId: draft.correlationId,
      accessTokenHash: draft.accessTokenHash,
      vendorId: sellerOfAll(draft.items.map(({ vendorId }) => vendorId)),
      eventData: JSON.stringify(draft.eventData),
      network: draft.network,
      createdAt: now,
      updatedAt: now,
      changeSeq: now,
    }),
    ...(capped === undefined ? [] : [mustBeWithinCaps(capped, draft.eventData.reservationOwner)]),
    insertItems(order.id, draft.items),
    insertHistory({
      orderId: order.id,
      version: 1,
      fromStatus: null,
      toStatus: order.status,
      at: now,
      actor: draft.actor,
    }),
    outboxInsert(event),
  ]);
}

function jsonOrNull(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** A transition decided on the order as it was read; `after` is the order with it done. */
export interface Transition {
  readonly before: StoredOrder;
  readonly after: Order;
  readonly event: EventEnvelope;
  /** The last entry of the order's history with it done. */
  readonly entry: Order["history"][number];
  readonly now: number;
  /** Written with it: what staff did is kept. */
  readonly audit: readonly Statement[];
}

/** @throws StaleWrite when the order changed since it was read. Nothing is written then. */
export async function writeTransition(
  deps: Deps,
  { before, after, event, entry, now, audit }: Transition,
): Promise<void> {
  const version = before.version + 1;
  await save(deps, [
    deps.db
      .update(orders)
      .set({
        status: after.status,
        tracking: jsonOrNull(after.tracking),
        // No transition leads to an order that is open and unpaid.
        network: null,
        version,
        updatedAt: now,
      })
      .where(and(eq(orders.id, after.id), eq(orders.version, before.version))),
    mustChange(),
    insertHistory({
      orderId: after.id,
      version,
      fromStatus: entry.from,
      toStatus: entry.to,
      at: now,
      actor: entry.actor,
      reason: entry.reason,
      tracking: jsonOrNull(entry.tracking),
    }),
    outboxInsert(event),
    ...audit,
  ]);
}
