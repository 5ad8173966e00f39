// Orders and payments compared: an order that has not heard of its payment, or believes in one that is not there, is found, and set
// right where payments knows more. Events bring them together; this is for what was given up, or lost with a database.
import { systemCall } from "#shared/call";
import type { PaymentStatus } from "#shared/contracts/orders";
import type { Payment } from "#shared/contracts/payments";
import { commit } from "#shared/database";
import { findingInsert } from "#shared/findings";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { UNSETTLED_AFTER_MS } from "../constants.ts";
import { MONEY_IN, PAYABLE } from "../domain/order.ts";
import { adoptPaymentState } from "../store/reconcile.ts";
import { findOrder } from "../store/orders.ts";
import type { StoredOrder } from "../store/orders.ts";
import type { OrdersDeps } from "./deps.ts";

/** The payment that counts: of an order's only one is not void, and it is the last. */
function current(payments: readonly Payment[]): Payment | undefined {
  return payments.find(({ status }) => status !== "VOIDED") ?? payments.at(-1);
}

/**
 * Without a payment, or with one that knows less than its order: that can be made, where the money is believed to be in, or is
 * older than what the order has heard, as after a restore. The order is read first, so that payments cannot be behind by
 * chance.
 */
function isWithout({ order, paymentVersion }: StoredOrder, payment: Payment | undefined): boolean {
  const isBelieved = MONEY_IN.includes(order.paymentStatus);
  if (payment === undefined) return isBelieved;
  if (order.paymentStatus === payment.status) return false;
  return (isBelieved && PAYABLE.includes(payment.status)) || payment.version <= paymentVersion;
}

/** Whether what changed last may still be on its way. */
function isFresh({ history }: Payment, now: number): boolean {
  const last = history.at(-1)?.at;
  return last !== undefined && now - Date.parse(last) < UNSETTLED_AFTER_MS;
}

/** Until somebody has paid it makes no difference which of them it is: no event tells of each try. */
function isSame(order: PaymentStatus, payment: PaymentStatus): boolean {
  return order === payment || (PAYABLE.includes(order) && PAYABLE.includes(payment));
}

/** Compares one order with its payment; `concurrency` does not wait for events on their way. True when they did not agree. */
export async function reconcileWithPayment(deps: OrdersDeps, orderId: string, concurrency: boolean): Promise<boolean> {
  const stored = await findOrder(deps.db, orderId);
  if (stored === undefined) return false;
  const { order, correlationId } = stored;
  const asked = await deps.payments.listPayments(systemCall("payment_check", correlationId), { orderId });
  if (!asked.ok) throw new Error(`payments refused: ${asked.error.code}`);
  const now = deps.now();
  const payment = current(asked.value.items);
  const details = { order: order.paymentStatus, payment: payment?.status ?? null, paymentId: payment?.id ?? null };
  if (isWithout(stored, payment)) {
    log("error", "an order believes in money that payments does not have", { orderId, ...details });
    const finding = { kind: "order_without_payment", subject: orderId, outcome: "open", details } as const;
    await commit(deps.db, [findingInsert(now, finding)]);
    return true;
  }
  if (payment === undefined || isSame(order.paymentStatus, payment.status)) return false;
  if (!concurrency && isFresh(payment, now)) return false;
  log("warn", "an order takes over what it has not heard of its payment", { orderId, ...details });
  const finding = { kind: "payment_unknown_to_order", subject: orderId, outcome: "mended", details } as const;
  await save(deps, [...adoptPaymentState(deps, stored, payment), findingInsert(now, finding)]);
  return true;
}
