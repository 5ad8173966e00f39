// What payments does on other Workers' events.
import { NOTHING, consume } from "#shared/inbox";
import type { Handlers } from "#shared/inbox";
import { cancelOrderPayments } from "./service/closing.ts";
import { createDeps } from "./service/deps.ts";
import type { PaymentsBindings, PaymentsDeps } from "./service/deps.ts";

/**
 * ORDER_CANCELLED: the order is closed first, then its money goes back. The effect is at Stripe and idempotent there, so it comes
 * before the inbox row; an event that fails midway is delivered again and goes on.
 */
export function handlers(deps: PaymentsDeps): Handlers {
  return {
    ORDER_CANCELLED: async (event) => {
      const { orderId, reason } = event.data;
      await cancelOrderPayments(deps, orderId, reason ?? "order_cancelled", {
        actor: "orders",
        reason: event.type,
        voidReason: reason ?? "order_cancelled",
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
