// What time brings about: unpaid orders end, carts expire, orders whose stock or money lags get another push, old events go.
import type { Call } from "#shared/call";
import { systemCall } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { StaleWrite } from "#shared/database";
import { Customer } from "#shared/events/catalogue";
import type { EventLine } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { purgeInbox } from "#shared/inbox";
import { lineTotalMinor, sumMinor } from "#shared/money";
import { purgeOutbox } from "#shared/outbox";
import { countDone } from "#shared/sweep";
import { runCron } from "#shared/worker";
import { RECONCILE_BATCH, RECONCILE_EVERYTHING, EVERYTHING_LIMIT, RETURNED_HOLD_MS, SWEEP_BATCH } from "./constants.ts";
import type { CartLine } from "./domain/cart.ts";
import { reconcileWithPayment } from "./service/reconcile.ts";
import { createDeps } from "./service/deps.ts";
import type { OrdersDeps } from "./service/deps.ts";
import { resumeRefund } from "./service/refunds.ts";
import { endUnpaid } from "./service/unpaid.ts";
import { ordersToReconcile } from "./store/reconcile.ts";
import { purgeReturnedHolds } from "./store/caps.ts";
import { endCartRow, expiredCartRows, postponeCartRow } from "./store/carts.ts";
import type { CartRow } from "./store/carts.ts";
import { dueRefunds } from "./store/refunds.ts";
import { closeResolvedFindings, republishLastEvent, unsettledEvents } from "./store/unsettled.ts";

/** How many orders or carts a sweep works on at once: each waits for a peer or an object, not for this Worker. */
const SWEEP_CONCURRENCY = 10;

async function cartExpired(
  deps: OrdersDeps,
  call: Call,
  row: CartRow,
  lines: readonly CartLine[],
  customer: Customer | null,
): Promise<EventEnvelope | undefined> {
  const ids = lines.map(({ productId }) => productId);
  const products = await deps.catalog.pricedProducts(call, { ids, fresh: false });
  if (!products.ok) throw new Error(`the catalog refused: ${products.error.code}`);
  const known = new Map(products.value.map((product) => [product.id, product]));
  const rendered: EventLine[] = lines.flatMap(({ productId, quantity }) => {
    const product = known.get(productId);
    // What cannot be ordered any more is nothing to be reminded of.
    if (product?.status !== "active") return [];
    const { sku, name, unitPrice } = product;
    return [{ productId, sku, name, quantity, unitPrice, lineTotal: lineTotalMinor(unitPrice, quantity) }];
  });
  if (rendered.length === 0) return undefined;
  const data = {
    cartId: row.id,
    customer,
    lines: rendered,
    subtotal: sumMinor(rendered.map(({ lineTotal }) => lineTotal)),
    currency: deps.currency,
  };
  const cause = { worker: deps.worker, correlationId: call.correlationId, now: deps.now() };
  return makeEvent("CART_EXPIRED", row.id, data, cause);
}

/** Asks the cart; tells of its end in the batch that drops its row, and lets its lines go last, since they read as gone already. */
async function expireCart(deps: OrdersDeps, row: CartRow): Promise<boolean> {
  const call = systemCall("cart_expiry", newId("req"));
  const context = { now: deps.now(), correlationId: call.correlationId };
  const expiry = await deps.cart(row.id).expiry(context);
  if (expiry.live) {
    await postponeCartRow(deps.db, row, expiry.until);
    return false;
  }
  // The row knows its customer from the cart's first line, the cart from its last change.
  const customer = expiry.customer ?? (row.customer === null ? null : Customer.parse(JSON.parse(row.customer)));
  const event = expiry.lines.length === 0 ? undefined : await cartExpired(deps, call, row, expiry.lines, customer);
  try {
    await endCartRow(deps, row, event);
  } catch (error) {
    // Its owner came back, or another sweep was first.
    if (error instanceof StaleWrite) return false;
    throw error;
  }
  await deps.cart(row.id).drop({ version: expiry.version, now: context.now });
  return expiry.lines.length > 0;
}

/**
 * Runs all sweeps. `everything` takes all there is and ignores pauses between tries; a payment window or a cart's life that is
 * still open is not a pause, so these are left alone.
 */
export async function sweep(deps: OrdersDeps, _call: Call, everything: boolean): Promise<SweepCounts> {
  const limit = everything ? EVERYTHING_LIMIT : SWEEP_BATCH;
  const now = deps.now();
  const unpaid = await endUnpaid(deps, everything);
  const carts = await countDone(
    await expiredCartRows(deps.db, now, limit),
    { concurrency: SWEEP_CONCURRENCY, idOf: ({ id }) => id },
    (row) => expireCart(deps, row),
  );
  const unsettled = await countDone(
    await unsettledEvents(deps, everything, limit),
    { concurrency: SWEEP_CONCURRENCY, idOf: ({ id }) => id },
    async (event) => {
      await republishLastEvent(deps, event);
      return true;
    },
  );
  await closeResolvedFindings(deps);
  await purgeReturnedHolds(deps.db, now - RETURNED_HOLD_MS);
  const toCompare = everything ? RECONCILE_EVERYTHING : RECONCILE_BATCH;
  const compared = await ordersToReconcile(deps.db, now, everything, toCompare);
  const disagreeing = await countDone(compared, { concurrency: SWEEP_CONCURRENCY, idOf: (id) => id }, (id) =>
    reconcileWithPayment(deps, id, everything),
  );
  const refunds = await countDone(
    await dueRefunds(deps.db, now, everything, limit),
    { concurrency: SWEEP_CONCURRENCY, idOf: ({ refund }) => refund.id },
    (row) => resumeRefund(deps, row),
  );
  return {
    unpaidOrders: unpaid,
    expiredCarts: carts,
    unsettledOrders: unsettled,
    disagreeingOrders: disagreeing,
    finishedRefunds: refunds,
    purgedEvents: await purgeOutbox(deps),
    purgedInbox: await purgeInbox(deps),
  };
}

export async function runScheduled(env: OrdersEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), sweep);
}
