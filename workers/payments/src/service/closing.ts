// Ends an order's payments. `close` and `closeUnpaid`, called by orders, end the payment of an order that was not paid in time or that
// its vendor cancels; a paid or captured order may stay open. ORDER_CANCELLED ends it in any case and returns the money.
import type { Stripe } from "stripe";
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import { isUser } from "#shared/call";
import type { Call } from "#shared/call";
import { mapConcurrent } from "#shared/concurrency";
import { StaleWrite } from "#shared/database";
import type { CloseInput, CloseUnpaidInput, ClosedUnpaid, PaymentState } from "#shared/contracts/payments";
import type { Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { retryOnStale } from "#shared/retry";
import { MAX_ATTEMPTS, MAX_CLOSING_CONCURRENCY } from "../constants.ts";
import { isCaptured, isOpen, isOver, isPaid } from "../domain/payment.ts";
import { closeOrder, closeOrderWithoutPayment, closedOrder } from "../store/closed-orders.ts";
import { scheduleCheck } from "../store/payments.ts";
import type { ChangeCause } from "../store/payments.ts";
import { byId, byOrder, loadViews, viewQueries, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import { voidWithoutIntent } from "./changes.ts";
import type { PaymentsDeps } from "./deps.ts";
import { reconcile } from "./reconcile.ts";
import { republishLastEvent } from "./republish.ts";
import { cancelIntent, retrieveIntent } from "./stripe/client.ts";
import { CannotCloseYet, withCallDeadline } from "./stripe/failures.ts";

interface ClosePolicy {
  readonly orderId: string;
  /** Why orders closes the order. PAYMENT_VOIDED and the closed order carry it. */
  readonly reason: "payment_timeout" | "order_cancelled";
  /** Whether a payment in this state keeps the order open. */
  readonly keepsOpen: (status: PaymentState) => boolean;
  /** Leaves an open payment alone if the buyer tried a payment method. */
  readonly sparesTried?: boolean;
}

interface Closing extends ClosePolicy {
  readonly call: Call;
  readonly cause: ChangeCause;
}

type Closed = "paid" | "closed" | "tried";

/** Before Stripe is called to release an authorization: records who does it, and has a sweep look at the payment. */
async function announceVoid(deps: PaymentsDeps, { row }: View, { call, orderId, reason }: Closing): Promise<void> {
  if (row.status !== "AUTHORIZED" || !isUser(call.actor)) return;
  const now = deps.now();
  const details = { orderId, amount: row.amountCapturable, reason };
  await save(deps, {
    check: scheduleCheck(byId(row.id), now),
    audit: auditInsert(call, now, { action: "payment.void", subject: row.id, details }),
  });
}

function isTried({ status, last_payment_error: error }: Stripe.PaymentIntent): boolean {
  return status !== "canceled" && (status === "requires_action" || error !== null);
}

/**
 * Decides by what Stripe holds. A payment that keeps the order open is written, which sends its event. Any other intent is cancelled,
 * which Stripe refuses once it is captured. One batch voids the payment and closes the order, so no payment can be made in between.
 */
async function closeAtStripe(deps: PaymentsDeps, view: View, intentId: string, closing: Closing): Promise<Closed> {
  const { orderId, cause, reason, keepsOpen, sparesTried } = closing;
  const intent = await retrieveIntent(deps.stripe, intentId);
  const { status } = intent;
  const isRequestedMoney = intent.amount === view.row.amount && intent.currency.toUpperCase() === view.row.currency;
  const hasMoney = status === "succeeded" || (status === "requires_capture" && keepsOpen("AUTHORIZED"));
  if (isRequestedMoney && hasMoney) {
    const row = await reconcile(deps, view, cause, { answer: intent });
    if (keepsOpen(row.status)) return "paid";
    throw new StaleWrite(`payment ${row.id} changed while its order was closed`);
  }
  // Captured money that is not what was requested is for an operator: the order is neither paid nor to be closed.
  if (status === "processing" || (status === "succeeded" && !isRequestedMoney)) {
    throw new CannotCloseYet(`payment ${view.row.id} cannot be closed yet`);
  }
  if (sparesTried === true && isTried(intent)) {
    await reconcile(deps, view, cause, { answer: intent });
    return "tried";
  }
  if (status !== "canceled") await announceVoid(deps, view, closing);
  const answer = status === "canceled" ? intent : await cancelIntent(deps.stripe, intentId);
  if (answer === undefined) throw new StaleWrite(`intent ${intentId} changed while its order was closed`);
  await reconcile(deps, view, cause, { answer, also: [closeOrder(orderId, reason, deps.now())] });
  return "closed";
}

async function closeWithoutPayment(deps: PaymentsDeps, { orderId, reason }: Closing): Promise<Closed> {
  const { closed } = await save(deps, {
    closing: closeOrderWithoutPayment(orderId, reason, deps.now()),
    closed: closedOrder(orderId),
  });
  if (closed.rows.length === 0) throw new StaleWrite(`order ${orderId} got a payment while it was closed`);
  return "closed";
}

/** @throws StaleWrite when the order's payments changed in the meantime */
async function tryClosing(deps: PaymentsDeps, closing: Closing): Promise<Closed> {
  const { orderId, reason, cause, keepsOpen } = closing;
  const views = await loadViews(deps.db, byOrder(orderId));
  const paid = views.find(({ row, closed }) => closed === null && keepsOpen(row.status));
  if (paid !== undefined) {
    await republishLastEvent(deps, paid.row);
    return "paid";
  }
  const open = views.find(({ row: { status } }) => isOpen(status) || (status === "AUTHORIZED" && !keepsOpen(status)));
  if (open !== undefined) {
    const intentId = open.row.stripePaymentIntentId;
    if (intentId !== null) return await closeAtStripe(deps, open, intentId, closing);
    const now = deps.now();
    await save(deps, { voided: voidWithoutIntent(open, cause, now), closed: closeOrder(orderId, reason, now) });
    return "closed";
  }
  return views.some(({ closed }) => closed !== null) ? "closed" : await closeWithoutPayment(deps, closing);
}

/** Ends an order's payments. Fails with payment_provider_unavailable. */
async function closePayments(deps: PaymentsDeps, call: Call, policy: ClosePolicy): Promise<Outcome<Closed>> {
  const { reason } = policy;
  const cause: ChangeCause = { actor: call.actor.id, reason, voidReason: reason, traceparent: call.traceparent };
  const attempt = (): Promise<Closed> => tryClosing(deps, { ...policy, call, cause });
  return await withCallDeadline(deps, async () => ok(await retryOnStale(attempt, { attempts: MAX_ATTEMPTS })));
}

/** See PaymentsContract.close. */
export async function close(
  deps: PaymentsDeps,
  call: Call,
  { orderId }: z.output<typeof CloseInput>,
): Promise<Outcome<"paid" | "closed">> {
  const closed = await closePayments(deps, call, { orderId, reason: "order_cancelled", keepsOpen: isCaptured });
  if (!closed.ok) return closed;
  if (closed.value === "tried") throw new Error(`order ${orderId} was left open for a tried payment method`);
  return ok(closed.value);
}

/** See PaymentsContract.closeUnpaid. */
export async function closeUnpaid(
  deps: PaymentsDeps,
  call: Call,
  { orders }: z.output<typeof CloseUnpaidInput>,
): Promise<Outcome<readonly ClosedUnpaid[]>> {
  const concurrency = MAX_CLOSING_CONCURRENCY;
  const outcomes = await mapConcurrent(orders, { concurrency }, async ({ orderId, correlationId, unlessTried }) => {
    const policy = { orderId, reason: "payment_timeout", keepsOpen: isPaid, sparesTried: unlessTried } as const;
    try {
      const closed = await closePayments(deps, { ...call, correlationId }, policy);
      return { orderId, outcome: closed.ok ? closed.value : ("unknown" as const) };
    } catch (error) {
      log("warn", "an unpaid order could not be closed", { orderId, error });
      return { orderId, outcome: "unknown" as const };
    }
  });
  return ok(outcomes);
}

/** Returns the money of one payment of a closed order, or ends it unpaid. Idempotent. */
export async function endClosedPayment(deps: PaymentsDeps, view: View, cause: ChangeCause): Promise<void> {
  const { status, stripePaymentIntentId } = view.row;
  if (isOver(status)) await republishLastEvent(deps, view.row);
  else if (stripePaymentIntentId !== null) await reconcile(deps, view, cause);
  else await save(deps, { voided: voidWithoutIntent(view, cause, deps.now()) });
}

/**
 * Closes a cancelled order, even before it has a payment, and returns its money.
 * @throws StripeUnavailable, CannotCloseYet, StaleWrite: to be tried again, which a sweep does too
 */
export async function cancelOrderPayments(
  deps: PaymentsDeps,
  orderId: string,
  reason: string,
  cause: ChangeCause,
): Promise<void> {
  const now = deps.now();
  const { payments, refunds } = await save(deps, {
    closed: closeOrder(orderId, reason, now),
    check: scheduleCheck(byOrder(orderId), now),
    ...viewQueries(byOrder(orderId)),
  });
  for (const view of viewsOf(payments.rows, refunds.rows)) await endClosedPayment(deps, view, cause);
}
