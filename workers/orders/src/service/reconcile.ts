// Reconciles orders with payments. Events keep the two in step; this finds the orders whose events became dead letters, or were lost
// with a restored database, and has them adopt the payment's state.
import { systemCall } from "#shared/call";
import type { PaymentStatus } from "#shared/contracts/orders";
import type { Payment } from "#shared/contracts/payments";
import { commit } from "#shared/database";
import { findingInsert } from "#shared/findings";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { sweepEach } from "#shared/sweep";
import {
  RECONCILE_BATCH,
  RECONCILE_EVERYTHING,
  RECONCILE_SLICES,
  RECONCILE_SPAN_MS,
  SWEEP_CONCURRENCY,
  UNSETTLED_AFTER_MS,
} from "../constants.ts";
import { MONEY_IN, PAYABLE, changeOf } from "../domain/order.ts";
import { findOrder } from "../store/orders.ts";
import type { StoredOrder } from "../store/orders.ts";
import { ordersToReconcile } from "../store/reconcile.ts";
import { changeStatements } from "../store/saga.ts";
import type { OrdersDeps } from "./deps.ts";

/** Of an order's payments at most one is not void, and it is the last. */
function currentOf(payments: readonly Payment[]): Payment | undefined {
  return payments.find(({ status }) => status !== "VOIDED") ?? payments.at(-1);
}

/**
 * Whether the order records money that payments does not: no payment, one that can still be paid, or one older than the order has
 * seen, as after a restore. The order is read before the payments, so payments cannot be behind by chance.
 */
function isUnbacked({ order, paymentVersion }: StoredOrder, payment: Payment | undefined): boolean {
  const hasMoney = MONEY_IN.includes(order.paymentStatus);
  if (payment === undefined) return hasMoney;
  if (order.paymentStatus === payment.status) return false;
  return (hasMoney && PAYABLE.includes(payment.status)) || payment.version <= paymentVersion;
}

/** Whether the event of the payment's last change may still be on its way. */
function isFresh({ history }: Payment, now: number): boolean {
  const last = history.at(-1)?.at;
  return last !== undefined && now - Date.parse(last) < UNSETTLED_AFTER_MS;
}

/** No event reports each try, so all payable states count as one. */
function isSame(order: PaymentStatus, payment: PaymentStatus): boolean {
  return order === payment || (PAYABLE.includes(order) && PAYABLE.includes(payment));
}

/** Reconciles one order. `everything` does not wait for events on their way. True when the two differed. */
export async function reconcileWithPayment(
  deps: OrdersDeps,
  orderId: string,
  { everything }: { readonly everything: boolean },
): Promise<boolean> {
  const stored = await findOrder(deps.db, orderId);
  if (stored === undefined) return false;
  const { order, correlationId } = stored;
  const listed = await deps.payments.listPayments(systemCall("payment_check", correlationId), { orderId });
  if (!listed.ok) throw new Error(`payments refused: ${listed.error.code}`);
  const now = deps.now();
  const payment = currentOf(listed.value.items);
  const details = { order: order.paymentStatus, payment: payment?.status ?? null, paymentId: payment?.id ?? null };
  if (isUnbacked(stored, payment)) {
    log("error", "an order records money that payments does not have", { orderId, ...details });
    const finding = { kind: "order_without_payment", subject: orderId, outcome: "open", details } as const;
    await commit(deps.db, { finding: findingInsert(now, finding) });
    return true;
  }
  if (payment === undefined || isSame(order.paymentStatus, payment.status)) return false;
  if (!everything && isFresh(payment, now)) return false;
  log("warn", "an order adopts a payment state that it missed", { orderId, ...details });
  const finding = { kind: "payment_unknown_to_order", subject: orderId, outcome: "mended", details } as const;
  const { status: paymentStatus, version } = payment;
  const change = changeOf({ kind: "payment", paymentStatus, version, reportedAt: now });
  const cause = { correlationid: correlationId };
  await save(deps, {
    change: changeStatements(orderId, change, cause, { ...deps, now }),
    finding: findingInsert(now, finding),
  });
  return true;
}

/**
 * The sweep. The last 30 days are cut into slices by time of creation. Each minute takes the next slice, and of its paid, open
 * orders at most RECONCILE_BATCH at random. No sweep reads the whole table.
 */
export async function reconcileOrders(
  deps: OrdersDeps,
  { everything }: { readonly everything: boolean },
): Promise<number> {
  const now = deps.now();
  const since = now - RECONCILE_SPAN_MS;
  const width = RECONCILE_SPAN_MS / RECONCILE_SLICES;
  const from = since + (Math.floor(now / 60_000) % RECONCILE_SLICES) * width;
  const ids = await ordersToReconcile(
    deps.db,
    everything
      ? { from: since, to: now + 1, unchangedSince: now, limit: RECONCILE_EVERYTHING }
      : { from, to: from + width, unchangedSince: now - UNSETTLED_AFTER_MS, limit: RECONCILE_BATCH },
  );
  return await sweepEach(ids, { concurrency: SWEEP_CONCURRENCY, idOf: (id) => id }, (id) =>
    reconcileWithPayment(deps, id, { everything }),
  );
}
