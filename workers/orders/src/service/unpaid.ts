// The end of orders that were not paid in time. Payments closes the intents at Stripe first, so that no money can come after an
// order is gone: what was paid after all lives, its event is on the way; what Stripe cannot be asked about waits.
import { systemCall } from "#shared/call";
import type { ClosedUnpaid } from "#shared/contracts/payments";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { countDone } from "#shared/sweep";
import { EVERYTHING_LIMIT, UNPAID_BATCH, UNPAID_SWEEP_MS } from "../constants.ts";
import { dueOrders, extendWindow, postpone } from "../store/unpaid.ts";
import type { DueOrder } from "../store/unpaid.ts";
import { reconcileWithPayment } from "./reconcile.ts";
import { cancelOrder } from "./commands.ts";
import type { OrdersDeps } from "./deps.ts";

/** How many orders one call of payments closes. */
const CLOSE_BATCH = 25;
/** How many such calls are on their way at a time, for each kind of order. */
const CLOSE_CONCURRENCY = 2;
const CANCEL_CONCURRENCY = 10;

const ACTOR = "payment_timeout";

async function cancel(deps: OrdersDeps, { id, correlationId }: DueOrder): Promise<boolean> {
  return (await cancelOrder(deps, systemCall(ACTOR, correlationId), { orderId: id, reason: ACTOR })).ok;
}

/** What payments makes of each; `unknown` of all when it does not answer. */
async function closedBy(
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

/** Ends these orders where that is possible. Returns how many. */
async function end(deps: OrdersDeps, due: readonly DueOrder[]): Promise<number> {
  const outcomes = await closedBy(deps, due);
  const those = (outcome: ClosedUnpaid["outcome"]): readonly DueOrder[] =>
    due.filter(({ id }) => outcomes.get(id) === outcome);
  const tried = those("tried").map(({ id }) => id);
  const time = { now: deps.now(), paymentWindowMs: deps.paymentWindowMs };
  if (tried.length > 0) await extendWindow(deps.db, tried, time);
  const left = [...those("paid"), ...those("unknown")].map(({ id }) => id);
  if (left.length > 0) await postpone(deps.db, left, deps.now());
  const idOf = ({ id }: DueOrder): string => id;
  await countDone(those("paid"), { concurrency: CANCEL_CONCURRENCY, idOf }, ({ id }) =>
    reconcileWithPayment(deps, id, false),
  );
  return await countDone(those("closed"), { concurrency: CANCEL_CONCURRENCY, idOf }, (order) => cancel(deps, order));
}

/** Ends orders a batch at a time until none is left or `isOver`. A batch that fails is the next sweep's. */
async function endAll(deps: OrdersDeps, due: readonly DueOrder[], isOver: () => boolean): Promise<number> {
  const batches = Array.from({ length: Math.ceil(due.length / CLOSE_BATCH) }, (_, index) =>
    due.slice(index * CLOSE_BATCH, (index + 1) * CLOSE_BATCH),
  );
  let ended = 0;
  await countDone(batches, { concurrency: CLOSE_CONCURRENCY, idOf: ([first]) => first?.id ?? "" }, async (batch) => {
    if (isOver()) return false;
    const count = await end(deps, batch);
    // Added after the wait: another batch may have ended meanwhile.
    ended += count;
    return true;
  });
  return ended;
}

/**
 * Ends what is due until nothing is or the time is up; `everything` takes its time. Orders that no payment has begun for go beside the
 * others, so that they do not wait for Stripe.
 */
export async function endUnpaid(deps: OrdersDeps, everything: boolean): Promise<number> {
  const startedAt = deps.now();
  const limit = everything ? EVERYTHING_LIMIT : UNPAID_BATCH;
  const due = await dueOrders(deps.db, { now: startedAt, paymentWindowMs: deps.paymentWindowMs, limit });
  const isOver = (): boolean => !everything && deps.now() - startedAt >= UNPAID_SWEEP_MS;
  const ended = await Promise.all([
    endAll(
      deps,
      due.filter(({ isBegun }) => !isBegun),
      isOver,
    ),
    endAll(
      deps,
      due.filter(({ isBegun }) => isBegun),
      isOver,
    ),
  ]);
  return ended.reduce((sum, count) => sum + count, 0);
}
