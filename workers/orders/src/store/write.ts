// Writes orders on request: the batch that places one and the batch of a command.
import { sql } from "drizzle-orm";
import type { Order } from "#shared/contracts/orders";
import type { Metadata } from "#shared/contracts/references";
import { mustChange } from "#shared/database";
import { insertInto } from "#shared/statement";
import type { Statement } from "#shared/statement";
import type { EventEnvelope } from "#shared/events/envelope";
import { outboxInsert, save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { sellerOfAll } from "../domain/new-order.ts";
import type { Caps, CapScope } from "../domain/caps.ts";
import { NEXT_CHANGE_SEQ, withEntry } from "./orders.ts";
import { orders } from "../schema.ts";
import { mustBeWithinCaps } from "./caps.ts";
import type { HistoryEntry, StoredOrder } from "./orders.ts";

const insertOrderRow = insertInto(orders, { changeSeq: NEXT_CHANGE_SEQ });

/** An order to place, with its first event. `capScope`: which caps it is written under. */
export interface NewOrder extends Omit<StoredOrder, "version" | "paymentVersion" | "references" | "changeSeq"> {
  readonly capScope: CapScope | undefined;
  readonly event: EventEnvelope;
}

/** One statement for any number of lines: D1 binds at most 100 parameters, JSON text is one. */
function insertItems({ id, items }: Order, vendorIds: readonly (string | null)[]): Statement {
  const rows = items.map((item, index) => ({ ...item, vendorId: vendorIds[index] ?? null }));
  return sql`INSERT INTO order_items
      (order_id, position, id, product_id, vendor_id, sku, name, unit_price, quantity, line_total)
    SELECT ${id}, key, value ->> 'id', value ->> 'productId', value ->> 'vendorId', value ->> 'sku', value ->> 'name',
      value ->> 'unitPrice', value ->> 'quantity', value ->> 'lineTotal'
    FROM json_each(${JSON.stringify(rows)})`;
}

/**
 * Writes the order with its lines, its history and ORDER_CREATED, in one batch.
 * @throws UniqueViolation when the request or the cart has placed its order already, or the number is taken; StaleWrite when it
 * exceeds a cap or its hold was returned.
 */
export async function insertOrder(deps: Deps, placed: NewOrder, caps: Caps): Promise<void> {
  const { order, vendorIds, createdAt: now, capScope, reservationOwner } = placed;
  // Each member that has a column is stored by itself. Those stored elsewhere or in another form are taken out here.
  const { items: _items, history, refunds: _refunds, tracking: _tracking, metadata: _metadata, ...columns } = order;
  await save(deps, {
    order: insertOrderRow({
      ...columns,
      customer: JSON.stringify(placed.customer),
      shippingAddress: JSON.stringify(order.shippingAddress),
      paymentDueAt: placed.paymentDueAt,
      reservationOwner,
      requestKey: placed.requestKey,
      fingerprint: placed.fingerprint,
      correlationId: placed.correlationId,
      accessTokenHash: placed.accessTokenHash,
      vendorId: sellerOfAll(vendorIds),
      eventData: JSON.stringify(placed.eventData),
      history: JSON.stringify(history.map((entry) => storedEntry(entry, 1))),
      network: capScope?.network ?? null,
      createdAt: now,
      updatedAt: now,
      changeSeq: now,
    }),
    caps: capScope === undefined ? [] : [mustBeWithinCaps(capScope, caps, reservationOwner)],
    items: insertItems(order, vendorIds),
    event: outboxInsert(placed.event),
  });
}

/** An entry of an order's history as it is stored. */
function storedEntry({ tracking, ...entry }: Order["history"][number], version: number): HistoryEntry {
  return { version, ...entry, at: Date.parse(entry.at), tracking: tracking ?? null };
}

function jsonOrNull(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** A command decided on the order as it was read; `after` is the order with it applied. */
export interface Transition {
  readonly before: StoredOrder;
  readonly after: Order;
  readonly event: EventEnvelope;
  /** The last entry of the history of `after`. */
  readonly entry: Order["history"][number];
  readonly now: number;
  /** The audit row of what staff did. */
  readonly audit: readonly Statement[];
}

/** @throws StaleWrite when the order changed since it was read. Nothing is written then. */
export async function writeTransition(
  deps: Deps,
  { before, after, event, entry, now, audit }: Transition,
): Promise<void> {
  const version = before.version + 1;
  // No command leads to an order that is open and unpaid, so its client network is no longer needed.
  await save(deps, {
    order: sql`UPDATE orders SET status = ${after.status}, tracking = ${jsonOrNull(after.tracking)}, network = NULL,
        history = ${withEntry(sql`json(${JSON.stringify(storedEntry(entry, version))})`)},
        version = ${version}, updated_at = ${now}
      WHERE id = ${after.id} AND version = ${before.version}`,
    guard: mustChange(),
    event: outboxInsert(event),
    audit,
  });
}

/** Sets staff's references on an order. @throws StaleWrite when the order changed since it was read, UniqueViolation when another order has the external id. */
export async function writeReferences(
  deps: Deps,
  { order, version }: StoredOrder,
  { externalId, metadata }: { readonly externalId: string | null; readonly metadata: Metadata | null },
  now: number,
  audit: Statement,
): Promise<void> {
  const text = metadata === null ? null : JSON.stringify(metadata);
  await save(deps, {
    order: sql`UPDATE orders SET external_id = ${externalId}, metadata = ${text}, version = version + 1, updated_at = ${now}
      WHERE id = ${order.id} AND version = ${version}`,
    guard: mustChange(),
    audit,
  });
}
