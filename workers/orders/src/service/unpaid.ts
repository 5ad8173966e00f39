// Cancels orders that were not paid in time. Payments closes their intents at Stripe first, so that no money can come after an order
// is cancelled. An order that was paid after all stays, and one that Stripe gave no answer about waits.
import { systemCall } from "#shared/call";
import type { ClosedUnpaid } from "#shared/contracts/payments";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { sweepEach } from "#shared/sweep";
import { EVERYTHING_LIMIT, SWEEP_CONCURRENCY, UNPAID_BATCH, UNPAID_SWEEP_MS } from "../constants.ts";
import { dueOrders, extendWindow, postpone } from "../store/unpaid.ts";
import type { DueOrder } from "../store/unpaid.ts";
import { cancelOrder } from "./commands.ts";
import type { OrdersDeps } from "./deps.ts";
import { reconcileWithPayment } from "./reconcile.ts";

/** How many orders one call of payments closes. */
const CLOSE_BATCH = 25;
/** How many such calls run at a time, for each kind of order. */
const CLOSE_CONCURRENCY = 2;

const ACTOR = "payment_timeout";

async function cancel(deps: OrdersDeps, { id, correlationId }: DueOrder): Promise<boolean> {
  return (await cancelOrder(deps, systemCall(ACTOR, correlationId), { orderId: id, reason: ACTOR })).ok;
}

/** Has payments close the orders' intents. The outcome of each, by order; `unknown` for all when payments does not answer. */
async function closeIntents(
  deps: OrdersDeps,
  due: readonly DueOrder[],
): Promise<ReadonlyMap<string, ClosedUnpaid["outcome"]>> {
  const orders = due.map(({ id, correlationId, isUntried }) => ({
    orderId: id,
    correlationId,
    unlessTried: isUntried,
  }));
  try {
    const closed = await deps.payments.closeUnpaid(systemCall(ACTOR, newId("req")), { orders });
    if (!closed.ok) throw new Error(`payments refused: ${closed.error.code}`);
    return new Map(closed.value.map(({ orderId, outcome }) => [orderId, outcome]));
  } catch (error) {
    log("warn", "payments did not close unpaid orders", { orders: due.length, error });
    return new Map(due.map(({ id }) => [id, "unknown"]));
  }
}

/** Cancels a batch of orders where that is possible. Returns how many. */
async function cancelBatch(deps: OrdersDeps, due: readonly DueOrder[]): Promise<number> {
  const outcomes = await closeIntents(deps, due);
  const ordersWith = (outcome: ClosedUnpaid["outcome"]): readonly DueOrder[] =>
    due.filter(({ id }) => outcomes.get(id) === outcome);
  const tried = ordersWith("tried").map(({ id }) => id);
  const time = { now: deps.now(), paymentWindowMs: deps.paymentWindowMs };
  if (tried.length > 0) await extendWindow(deps.db, tried, time);
  const left = [...ordersWith("paid"), ...ordersWith("unknown")].map(({ id }) => id);
  if (left.length > 0) await postpone(deps.db, left, deps.now());
  const options = { concurrency: SWEEP_CONCURRENCY, idOf: ({ id }: DueOrder) => id };
  await sweepEach(ordersWith("paid"), options, ({ id }) => reconcileWithPayment(deps, id, { everything: false }));
  return await sweepEach(ordersWith("closed"), options, (order) => cancel(deps, order));
}

/** Cancels orders a batch at a time until none is left or `isOver`. A batch that fails is left to the next sweep. */
async function cancelAll(deps: OrdersDeps, due: readonly DueOrder[], isOver: () => boolean): Promise<number> {
  const batches = Array.from({ length: Math.ceil(due.length / CLOSE_BATCH) }, (_, index) =>
    due.slice(index * CLOSE_BATCH, (index + 1) * CLOSE_BATCH),
  );
  let cancelled = 0;
  await sweepEach(batches, { concurrency: CLOSE_CONCURRENCY, idOf: ([first]) => first?.id ?? "" }, async (batch) => {
    if (isOver()) return false;
    const count = await cancelBatch(deps, batch);
    // Added after the wait: another batch may have added its own in between.
    cancelled += count;
    return true;
  });
  return cancelled;
}

/**
 * The sweep: until nothing is due or, unless it takes everything, its time is up. Orders without a begun payment are cancelled
 * concurrently with the others, so that they do not wait for Stripe. Returns how many were cancelled.
 */
export async function cancelUnpaid(
  deps: OrdersDeps,
  { everything }: { readonly everything: boolean },
): Promise<number> {
  const startedAt = deps.now();
  const limit = everything ? EVERYTHING_LIMIT : UNPAID_BATCH;
  const due = await dueOrders(deps.db, { now: startedAt, paymentWindowMs: deps.paymentWindowMs, limit });
  const isOver = (): boolean => !everything && deps.now() - startedAt >= UNPAID_SWEEP_MS;
  const kinds = [due.filter(({ isBegun }) => !isBegun), due.filter(({ isBegun }) => isBegun)];
  const counts = await Promise.all(kinds.map((orders) => cancelAll(deps, orders, isOver)));
  return counts.reduce((sum, count) => sum + count, 0);
}
