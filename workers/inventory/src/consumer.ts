// Queue: what inventory does about orders and products. The effects are in objects, idempotent under the order's owner key or
// the product's version, and come before the inbox row.
import { consume, NOTHING } from "#shared/inbox";
import type { Handlers } from "#shared/inbox";
import { createDeps } from "./service/deps.ts";
import type { InventoryDeps } from "./service/deps.ts";
import { consumeOrder, releaseOrder, reserveOrder, takeBackOrder } from "./service/orders.ts";

export function handlers(deps: InventoryDeps): Handlers {
  return {
    ORDER_CREATED: (event) => reserveOrder(deps, event),
    ORDER_CANCELLED: (event) => releaseOrder(deps, event),
    ORDER_SHIPPED: (event) => consumeOrder(deps, event),
    ORDER_RETURNED: (event) => takeBackOrder(deps, event),
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
