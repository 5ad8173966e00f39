// Handles the events of other Workers.
import { NOTHING, consume } from "#shared/inbox";
import type { Handlers } from "#shared/inbox";
import { cancelOrderPayments } from "./service/closing.ts";
import { createDeps } from "./service/deps.ts";
import type { PaymentsBindings, PaymentsDeps } from "./service/deps.ts";

export function handlers(deps: PaymentsDeps): Handlers {
  return {
    /**
     * Closes the order, then returns its money. The effect is at Stripe and idempotent, so it precedes the inbox row: an event that
     * fails in between is delivered again.
     */
    ORDER_CANCELLED: async (event) => {
      const { orderId } = event.data;
      const reason = event.data.reason ?? "order_cancelled";
      await cancelOrderPayments(deps, orderId, reason, {
        actor: "orders",
        reason: event.type,
        voidReason: reason,
        causationId: event.id,
        traceparent: event.traceparent,
      });
      return NOTHING;
    },
  };
}

export async function consumeBatch(
  batch: MessageBatch,
  env: PaymentsBindings,
  ctx: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  const deps = createDeps(env, ctx);
  await consume(batch, deps, handlers(deps));
}
