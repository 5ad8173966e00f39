// Which use case handles which event. Its effect is in Stock objects, idempotent by the order's owner key or the product's
// version, and comes before the inbox row.
import type { EventEnvelope } from "#shared/events/envelope";
import { NonRetryableError } from "#shared/failed-events";
import { consume, NOTHING } from "#shared/inbox";
import type { Handlers } from "#shared/inbox";
import { PURGE_MARGIN_MS, RETENTION_MS } from "./constants.ts";
import { createDeps } from "./service/deps.ts";
import type { InventoryDeps } from "./service/deps.ts";
import { consumeOrder, releaseOrder, reserveOrder, takeBackOrder, stopCountingOrder } from "./service/orders.ts";

/**
 * Refuses an event older than the objects' memory. Replayed then, it could repeat what another event of its order has done: the
 * objects recognise a copy by the order's reservations, which are gone. Orders publishes again what is still to be done.
 */
function refuseForgotten<E extends EventEnvelope>(deps: InventoryDeps, event: E): E {
  if (Date.parse(event.time) >= deps.now() - RETENTION_MS + PURGE_MARGIN_MS) return event;
  throw new NonRetryableError(
    "the event is older than the memory of reservations: check the order, and adjust the stock if it is wrong",
  );
}

export function handlers(deps: InventoryDeps): Handlers {
  return {
    ORDER_CREATED: (event) => reserveOrder(deps, refuseForgotten(deps, event)),
    ORDER_CONFIRMED: (event) => stopCountingOrder(deps, event),
    ORDER_CANCELLED: (event) => releaseOrder(deps, event),
    ORDER_SHIPPED: (event) => consumeOrder(deps, refuseForgotten(deps, event)),
    ORDER_RETURNED: (event) => takeBackOrder(deps, refuseForgotten(deps, event)),
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
