// The orders inbox: what inventory and payments tell. Each event becomes one D1 batch without a read before it.
import { PaymentStatus } from "#shared/contracts/orders";
import type { EventEnvelope } from "#shared/events/envelope";
import { consume } from "#shared/inbox";
import type { Effect, Handlers } from "#shared/inbox";
import { createDeps } from "./service/deps.ts";
import type { OrdersDeps } from "./service/deps.ts";
import { paymentNews, stockNews } from "./store/saga.ts";

type PaymentEvent = EventEnvelope<
  | "PAYMENT_REQUIRES_ACTION"
  | "PAYMENT_AUTHORIZED"
  | "PAYMENT_CAPTURED"
  | "PAYMENT_FAILED"
  | "PAYMENT_VOIDED"
  | "PAYMENT_REFUNDED"
  | "PAYMENT_DISPUTED"
>;

/** The handler of each event this Worker hears of. */
export function handlers(deps: OrdersDeps): Handlers {
  // The event's name says what happened, its data what the payment is now: only that is taken over.
  const payment = (event: PaymentEvent): Effect =>
    paymentNews(event, PaymentStatus.parse(event.data.status), {
      now: deps.now(),
      paymentWindowMs: deps.paymentWindowMs,
    });
  return {
    STOCK_RESERVED: (event) => stockNews(event, "RESERVED", deps.now()),
    STOCK_REJECTED: (event) => stockNews(event, "REJECTED", deps.now()),
    STOCK_RELEASED: (event) => stockNews(event, "RELEASED", deps.now()),
    STOCK_CONSUMED: (event) => stockNews(event, "CONSUMED", deps.now()),
    PAYMENT_REQUIRES_ACTION: payment,
    PAYMENT_AUTHORIZED: payment,
    PAYMENT_CAPTURED: payment,
    PAYMENT_FAILED: payment,
    PAYMENT_VOIDED: payment,
    PAYMENT_REFUNDED: payment,
    PAYMENT_DISPUTED: payment,
  };
}

export async function consumeBatch(batch: MessageBatch, env: OrdersEnv, ctx: ExecutionContext): Promise<void> {
  const deps = createDeps(env, ctx);
  await consume(batch, deps, handlers(deps));
}
