// The catalog's inbox: inventory reports the stock of a product.
import { consume } from "#shared/inbox";
import type { Handlers } from "#shared/inbox";
import { createDeps } from "./service/deps.ts";
import { availabilityUpdate, productExists } from "./store/products.ts";

export const handlers: Handlers = {
  // Sequence numbers make the order of arrival irrelevant. A report of an unknown product is retried.
  STOCK_AVAILABILITY_CHANGED: ({ data }) => ({
    statements: [availabilityUpdate(data)],
    known: productExists(data.productId),
  }),
};

export async function consumeBatch(batch: MessageBatch, env: CatalogEnv, ctx: ExecutionContext): Promise<void> {
  await consume(batch, createDeps(env, ctx), handlers);
}
