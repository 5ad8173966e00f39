// The orders inbox: what inventory and payments report. Each event becomes one D1 batch without a read before it.
import { PaymentStatus } from "#shared/contracts/orders";
import type { EventEnvelope } from "#shared/events/envelope";
import { consume } from "#shared/inbox";
import type { Effect, Handlers } from "#shared/inbox";
import type { StockReport } from "./domain/order.ts";
import { createDeps } from "./service/deps.ts";
import type { OrdersDeps } from "./service/deps.ts";
import { eventEffect } from "./store/saga.ts";

type PaymentEvent = EventEnvelope<
  | "PAYMENT_REQUIRES_ACTION"
  | "PAYMENT_AUTHORIZED"
  | "PAYMENT_CAPTURED"
  | "PAYMENT_FAILED"
  | "PAYMENT_VOIDED"
  | "PAYMENT_REFUNDED"
  | "PAYMENT_DISPUTED"
>;

/** The handler of each event that this Worker consumes. */
export function handlers(deps: OrdersDeps): Handlers {
  const { paymentWindowMs } = deps;
  const stock =
    (stockStatus: StockReport) =>
    (event: EventEnvelope<`STOCK_${StockReport}`>): Effect =>
      eventEffect(event.data.orderId, { kind: "stock", stockStatus }, event, { now: deps.now(), paymentWindowMs });
  // The event's name says what happened, its data the payment's state after it: only the state is taken over.
  const payment = (event: PaymentEvent): Effect => {
    const { orderId, status, version, reason } = event.data;
    const reported = {
      paymentStatus: PaymentStatus.parse(status),
      version,
      reason,
      reportedAt: Date.parse(event.time),
    };
    return eventEffect(orderId, { kind: "payment", ...reported }, event, { now: deps.now(), paymentWindowMs });
  };
  return {
    STOCK_RESERVED: stock("RESERVED"),
    STOCK_REJECTED: stock("REJECTED"),
    STOCK_RELEASED: stock("RELEASED"),
    STOCK_CONSUMED: stock("CONSUMED"),
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
