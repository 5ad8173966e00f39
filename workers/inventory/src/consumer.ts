// Which use case handles which event. Its effect is in Stock objects, idempotent by the order's owner key or the product's
// version, and comes before the inbox row.
import * as z from "zod";
import { parseEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { NonRetryableError } from "#shared/failed-events";
import { consume, isOfDeadLetters, NOTHING } from "#shared/inbox";
import type { Handlers } from "#shared/inbox";
import { sendEvents } from "#shared/outbox";
import { CONSUMER_LINES, PURGE_MARGIN_MS, RETENTION_MS } from "./constants.ts";
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

const WithLines = z.object({ data: z.object({ lines: z.array(z.unknown()) }) });

/** Object calls of a message's event: one for each line, or for its product. `consume` parses the whole event. */
function linesOf({ body }: Message): number {
  const { data: event } = WithLines.safeParse(body);
  return event === undefined ? 1 : event.data.lines.length;
}

/**
 * Consumes as many events of a batch as one invocation may, and sends the others to the same queue again: a new message, so that waiting
 * for its turn does not count as a try. If the message is lost, the outbox sweep sends the event again.
 */
export async function consumeWith(deps: InventoryDeps, batch: MessageBatch): Promise<void> {
  if (isOfDeadLetters(batch)) {
    await consume(batch, deps, handlers(deps));
    return;
  }
  let lines = 0;
  const now: Message[] = [];
  const later: { readonly message: Message; readonly event: EventEnvelope }[] = [];
  for (const message of batch.messages) {
    lines += linesOf(message);
    const event = now.length === 0 || lines <= CONSUMER_LINES ? undefined : parseEvent(message.body);
    if (event === undefined) now.push(message);
    else later.push({ message, event });
  }
  await consume({ queue: batch.queue, messages: now }, deps, handlers(deps));
  if (later.length === 0) return;
  await sendEvents(
    deps.queues,
    "inventory",
    later.map(({ event }) => event),
  );
  for (const { message } of later) message.ack();
}

export async function consumeBatch(
  batch: MessageBatch,
  env: InventoryEnv,
  ctx: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  await consumeWith(createDeps(env, ctx), batch);
}
