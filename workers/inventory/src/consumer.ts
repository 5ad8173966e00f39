// Queue: what inventory does about orders and products. The effects are in objects, idempotent under the order's owner key or
// the product's version, and come before the inbox row.
import type { EventEnvelope } from "#shared/events/envelope";
import { consume, NonRetryableError, NOTHING } from "#shared/inbox";
import type { Handlers } from "#shared/inbox";
import { PURGE_MARGIN_MS, RETENTION_MS } from "./constants.ts";
import { createDeps } from "./service/deps.ts";
import type { InventoryDeps } from "./service/deps.ts";
import { consumeOrder, releaseOrder, reserveOrder, takeBackOrder, stopCountingOrder } from "./service/orders.ts";

/**
 * Copies are told by what the objects remember of an order. A dead letter that is replayed after that may be of an order that
 * another event has served, or released, long since; what is still to be done, orders tells anew.
 */
function stillKnown<E extends EventEnvelope>(deps: InventoryDeps, event: E): E {
  if (Date.parse(event.time) >= deps.now() - RETENTION_MS + PURGE_MARGIN_MS) return event;
  throw new NonRetryableError(
    "it is older than what is remembered of orders: look at the order, and adjust the stock if it is wrong",
  );
}

export function handlers(deps: InventoryDeps): Handlers {
  return {
    ORDER_CREATED: (event) => reserveOrder(deps, stillKnown(deps, event)),
    ORDER_CONFIRMED: (event) => stopCountingOrder(deps, event),
    ORDER_CANCELLED: (event) => releaseOrder(deps, event),
    ORDER_SHIPPED: (event) => consumeOrder(deps, stillKnown(deps, event)),
    ORDER_RETURNED: (event) => takeBackOrder(deps, stillKnown(deps, event)),
    PRODUCT_UPSERTED: async ({ data, correlationid, id, traceparent }) => {
      const { productId, sku, name, vendorId, version } = data;
      const trace = { correlationId: correlationid, causationId: id, traceparent };
      await deps.stock(productId).describe({ productId, sku, name, vendorId, version }, trace);
      return NOTHING;
    },
  };
}

export async function consumeBatch(
  batch: MessageBatch,
  env: InventoryEnv,
  ctx: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  const deps = createDeps(env, ctx);
  await consume(batch, deps, handlers(deps));
}
