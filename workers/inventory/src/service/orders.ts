// What an order's events do to its stock: first every line's object, a hundred at a time and idempotent by the order's owner key; then the
// resulting event, in one batch with the inbox row.
import type { StockLine } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import type { Cause, EventEnvelope } from "#shared/events/envelope";
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import { NOTHING } from "#shared/inbox";
import type { Effect } from "#shared/inbox";
import { MAX_SHORTAGES } from "#shared/limits";
import { outboxInsert } from "#shared/outbox";
import type { Result } from "#shared/result";
import { WORKER } from "../constants.ts";
import { sumLines } from "../domain/stock.ts";
import type { OrderLine, Trace } from "../objects/requests.ts";
import type { StockFailure } from "../objects/requests.ts";
import { publishRejected } from "../store/rejections.ts";
import type { InventoryDeps, StockCalls } from "./deps.ts";
import { releaseAll } from "./holds.ts";
import { onStocks } from "./products.ts";

type OrderEvent = EventEnvelope<
  "ORDER_CREATED" | "ORDER_CONFIRMED" | "ORDER_CANCELLED" | "ORDER_SHIPPED" | "ORDER_RETURNED"
>;

function callOf(event: OrderEvent): Call {
  const call = systemCall(WORKER, event.correlationid);
  return event.traceparent === undefined ? call : { ...call, traceparent: event.traceparent };
}

function traceOf({ correlationid: correlationId, id: causationId, traceparent }: OrderEvent): Trace {
  return { correlationId, causationId, traceparent };
}

function causeOf(deps: InventoryDeps, event: OrderEvent): Cause {
  return { worker: WORKER, now: deps.now(), ...traceOf(event) };
}

interface Refused {
  readonly line: StockLine;
  readonly failure: StockFailure;
}

/** Calls every line's object. Returns the lines that were refused. */
async function onEveryLine(
  deps: InventoryDeps,
  event: OrderEvent,
  lines: readonly StockLine[],
  work: (stock: StockCalls, line: OrderLine, trace: Trace) => Promise<Result<null, StockFailure>>,
): Promise<Refused[]> {
  const { orderId, reservationOwner: owner } = event.data;
  const answers = await onStocks(deps, callOf(event), lines, (stock, { quantity }) =>
    work(stock, { owner, orderId, quantity }, traceOf(event)),
  );
  return answers.flatMap(({ line, result }) => (result.ok ? [] : [{ line, failure: result.error }]));
}

/** For an error's text: the first of many. */
function productsOf(refused: readonly Refused[]): string {
  const named = refused.slice(0, MAX_SHORTAGES).map(({ line }) => line.productId);
  return `${named.join(", ")}${refused.length > named.length ? ` and ${String(refused.length - named.length)} more` : ""}`;
}

async function releaseLines(deps: InventoryDeps, event: OrderEvent, lines: readonly StockLine[]): Promise<void> {
  const productIds = lines.map(({ productId }) => productId);
  await releaseAll(deps, traceOf(event), event.data.reservationOwner, productIds);
}

/** Publishes what became of all lines of the order. */
function published(
  deps: InventoryDeps,
  event: OrderEvent,
  type: "STOCK_RESERVED" | "STOCK_RELEASED" | "STOCK_CONSUMED",
  lines: readonly StockLine[],
): Effect {
  const { orderId, reservationOwner } = event.data;
  const data = { orderId, reservationOwner, lines: [...lines] };
  return { statements: [outboxInsert(makeEvent(type, orderId, data, causeOf(deps, event)))] };
}

/**
 * ORDER_CREATED: the holds become reservations. If any line is short, or was released by an earlier ORDER_CANCELLED, the whole
 * order is released and rejected. The rejection is published first, in a batch of its own: another delivery of the event may
 * find every line and commit first, and what it reserved is then released too. Orders obeys STOCK_REJECTED over
 * STOCK_RESERVED in either order.
 */
export async function reserveOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_CREATED">): Promise<Effect> {
  const lines = sumLines(event.data.lines);
  const { orderId, reservationOwner, counted } = event.data;
  const refused = await onEveryLine(deps, event, lines, (stock, line, trace) =>
    stock.reserve({ ...line, counted }, trace),
  );
  if (refused.length === 0) return published(deps, event, "STOCK_RESERVED", lines);
  const shortages = refused.slice(0, MAX_SHORTAGES).map(({ line, failure }) => ({
    productId: line.productId,
    requested: line.quantity,
    available: failure.reason === "unknown_product" ? 0 : failure.available,
  }));
  const data = { orderId, reservationOwner, lines, shortages, shortageCount: refused.length };
  const rejected = makeEvent("STOCK_REJECTED", orderId, data, causeOf(deps, event));
  if (await publishRejected(deps, rejected)) await releaseLines(deps, event, lines);
  return NOTHING;
}

/**
 * ORDER_CONFIRMED of an order that counts toward the share of buyers without proof: its money is authorized, so it no longer
 * counts. Before ORDER_CREATED it leaves a row that the reservation finds. Of an unknown product nothing can count.
 */
export async function stopCountingOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_CONFIRMED">): Promise<Effect> {
  await onEveryLine(deps, event, sumLines(event.data.lines), (stock, { owner }, trace) =>
    stock.stopCounting(owner, trace),
  );
  return NOTHING;
}

/** ORDER_CANCELLED: releases all lines. Before ORDER_CREATED it leaves tombstones, which then reject the order. */
export async function releaseOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_CANCELLED">): Promise<Effect> {
  const lines = sumLines(event.data.lines);
  await releaseLines(deps, event, lines);
  return published(deps, event, "STOCK_RELEASED", lines);
}

/**
 * ORDER_SHIPPED: lowers on-hand, even without ORDER_CREATED, because the goods have left. With too little on hand it throws: the event is
 * retried and then kept as a dead letter until an operator has corrected the stock.
 */
export async function consumeOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_SHIPPED">): Promise<Effect> {
  const lines = sumLines(event.data.lines);
  const refused = await onEveryLine(deps, event, lines, (stock, line, trace) => stock.consume(line, trace));
  if (refused.length > 0) {
    throw new Error(`order ${event.data.orderId} was shipped with more than is on hand of ${productsOf(refused)}`);
  }
  return published(deps, event, "STOCK_CONSUMED", lines);
}

/** ORDER_RETURNED: takes goods of a refunded order back, once for each `returnId`. See `decideReturn`. */
export async function takeBackOrder(deps: InventoryDeps, event: EventEnvelope<"ORDER_RETURNED">): Promise<Effect> {
  const { orderId, returnId, shipped, lines } = event.data;
  const refused = await onEveryLine(deps, event, sumLines(lines), (stock, line, trace) =>
    stock.takeBack({ ...line, returnId, shipped }, trace),
  );
  if (refused.length > 0) throw new Error(`order ${orderId} returned unknown products: ${productsOf(refused)}`);
  return NOTHING;
}
