// What an order's events do to its stock: the objects first, all lines at once, each call idempotent by the order's owner key;
// then, in one batch with the inbox row, the event that tells how it went.
import { sql } from "drizzle-orm";
import type { OrderEventData, StockLine } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import type { Cause, EventEnvelope } from "#shared/events/envelope";
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import { NOTHING } from "#shared/inbox";
import type { Effect } from "#shared/inbox";
import { outboxInsert, outboxInsertFrom, save } from "#shared/outbox";
import type { Result } from "#shared/result";
import { WORKER } from "../constants.ts";
import { sumLines } from "../domain/stock.ts";
import type { OrderLine, Trace } from "../objects/book.ts";
import type { StockFailure } from "../objects/stock.ts";
import type { InventoryDeps, StockCalls } from "./deps.ts";
import { onStock } from "./products.ts";

type OrderEvent = EventEnvelope<
  "ORDER_CREATED" | "ORDER_CONFIRMED" | "ORDER_CANCELLED" | "ORDER_SHIPPED" | "ORDER_RETURNED"
>;

function callOf(event: OrderEvent): Call {
  const call = systemCall(WORKER, event.correlationid);
  return event.traceparent === undefined ? call : { ...call, traceparent: event.traceparent };
}

function causeOf(deps: InventoryDeps, event: OrderEvent): Cause {
  const { correlationid: correlationId, id: causationId, traceparent } = event;
  return { worker: WORKER, correlationId, causationId, traceparent, now: deps.now() };
}

function traceOf(event: OrderEvent): Trace {
  return { correlationId: event.correlationid, causationId: event.id, traceparent: event.traceparent };
}

interface Refused {
  readonly line: StockLine;
  readonly failure: StockFailure;
}

/** Asks every line's object at once; answers those that refused. */
async function onEveryLine(
  deps: InventoryDeps,
  event: OrderEvent,
  lines: readonly StockLine[],
  work: (stock: StockCalls, line: OrderLine, trace: Trace) => Promise<Result<null, StockFailure>>,
): Promise<Refused[]> {
  const { orderId, reservationOwner: owner } = event.data;
  const answers = await Promise.all(
    lines.map(async (line) => ({
      line,
      result: await onStock(deps, callOf(event), line.productId, (stock) =>
        work(stock, { owner, orderId, quantity: line.quantity }, traceOf(event)),
      ),
    })),
  );
  return answers.flatMap(({ line, result }) => (result.ok ? [] : [{ line, failure: result.error }]));
}

async function releaseLines(deps: InventoryDeps, event: OrderEvent, lines: readonly StockLine[]): Promise<void> {
  const { reservationOwner } = event.data;
  await Promise.all(lines.map(({ productId }) => deps.stock(productId).release(reservationOwner, traceOf(event))));
}

function stockData(
  { orderId, reservationOwner }: Pick<OrderEventData, "orderId" | "reservationOwner">,
  lines: readonly StockLine[],
): { orderId: string; reservationOwner: string; lines: StockLine[] } {
  return { orderId, reservationOwner, lines: [...lines] };
}

/**
 * Tells the rejection, once for each event that led to it. False when another delivery of the event has come to its inbox row
 * with every line reserved: then nothing is told.
 */
async function publishRejected(deps: InventoryDeps, told: EventEnvelope<"STOCK_REJECTED">): Promise<boolean> {
  const cause = told.causationid ?? null;
  const isTold = sql`SELECT 1 FROM outbox
    WHERE subject = ${told.subject} AND type = ${told.type} AND envelope ->> 'causationid' = ${cause}`;
  const unlessHandled = sql`WHERE NOT EXISTS (${isTold}) AND NOT EXISTS (SELECT 1 FROM inbox WHERE event_id = ${cause})`;
  const { results } = await save(deps, [outboxInsertFrom(told, sql`${JSON.stringify(told)}`, unlessHandled), isTold]);
  return (results[1]?.results.length ?? 0) > 0;
}

/**
 * ORDER_CREATED: the holds become reservations. If any line is gone, expired and sold meanwhile or released by an earlier
 * ORDER_CANCELLED, the whole order is released and rejected. The rejection is told before anything is released, in a batch of its
 * own: a copy handled at the same time may find every line there and come to the inbox row first, and what it reserved is released
 * with the rest. Orders takes STOCK_REJECTED over STOCK_RESERVED, whichever comes first.
 */
export async function reserveOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_CREATED">): Promise<Effect> {
  const lines = sumLines(event.data.lines);
  const { counted } = event.data;
  const refused = await onEveryLine(deps, event, lines, (stock, line, trace) =>
    stock.reserve({ ...line, counted }, trace),
  );
  const data = stockData(event.data, lines);
  const cause = causeOf(deps, event);
  if (refused.length === 0) {
    return { statements: [outboxInsert(makeEvent("STOCK_RESERVED", data.orderId, data, cause))] };
  }
  const shortages = refused.map(({ line, failure }) => ({
    productId: line.productId,
    requested: line.quantity,
    available: failure.reason === "unknown_product" ? 0 : failure.available,
  }));
  const told = makeEvent("STOCK_REJECTED", data.orderId, { ...data, shortages }, cause);
  if (await publishRejected(deps, told)) await releaseLines(deps, event, lines);
  return NOTHING;
}

/**
 * ORDER_CONFIRMED of an order whose stock counts toward the share of buyers without proof: its money is authorized, so it counts no
 * longer. Coming before ORDER_CREATED it leaves a note, which then reserves without counting. A product that nobody knows has
 * nothing that could count.
 */
export async function stopCountingOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_CONFIRMED">): Promise<Effect> {
  await onEveryLine(deps, event, sumLines(event.data.lines), (stock, { owner }, trace) =>
    stock.stopCounting(owner, trace),
  );
  return NOTHING;
}

/** ORDER_CANCELLED: everything is given back. Coming before ORDER_CREATED it leaves tombstones, which then reject the order. */
export async function releaseOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_CANCELLED">): Promise<Effect> {
  const lines = sumLines(event.data.lines);
  await releaseLines(deps, event, lines);
  const data = stockData(event.data, lines);
  return { statements: [outboxInsert(makeEvent("STOCK_RELEASED", data.orderId, data, causeOf(deps, event)))] };
}

/**
 * ORDER_SHIPPED: on-hand goes down. It needs no ORDER_CREATED before it; the goods are gone either way. Goods that the book does
 * not have left the house: the event is retried and then kept as a dead letter until somebody has corrected the stock.
 */
export async function consumeOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_SHIPPED">): Promise<Effect> {
  const lines = sumLines(event.data.lines);
  const refused = await onEveryLine(deps, event, lines, (stock, line, trace) => stock.consume(line, trace));
  if (refused.length > 0) {
    const products = refused.map(({ line }) => line.productId).join(", ");
    throw new Error(`order ${event.data.orderId} was shipped with more than is on hand of ${products}`);
  }
  const data = stockData(event.data, lines);
  return { statements: [outboxInsert(makeEvent("STOCK_CONSUMED", data.orderId, data, causeOf(deps, event)))] };
}

/**
 * ORDER_RETURNED: goods of a refunded order go back, by its id once. Those that had left are a return in the ledger; those that had
 * not are reserved no more, or will be reserved and shipped less when the order's other events come later.
 */
export async function takeBackOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_RETURNED">): Promise<Effect> {
  const { orderId, returnId, shipped, lines } = event.data;
  const refused = await onEveryLine(deps, event, sumLines(lines), (stock, line, trace) =>
    stock.takeBack({ ...line, returnId, shipped }, trace),
  );
  if (refused.length > 0) {
    const products = refused.map(({ line }) => line.productId).join(", ");
    throw new Error(`order ${orderId} returned products that nobody knows: ${products}`);
  }
  return NOTHING;
}
