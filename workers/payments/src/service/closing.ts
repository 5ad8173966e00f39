// The end of an order's payments: of one that was not paid in time or that its vendor cancels (close, asked by orders) and of a
// cancelled one (cancelOrderPayments, by ORDER_CANCELLED). The first lets a paid or a captured order live; the second gives its
// money back.
import { sql } from "drizzle-orm";
import type { z } from "zod";
import { auditInsert } from "#shared/audit";
import { isUser } from "#shared/call";
import type { Call } from "#shared/call";
import { StaleWrite } from "#shared/database";
import type { CloseInput, PaymentState } from "#shared/contracts/payments";
import type { Outcome } from "#shared/errors";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { MAX_TRIES } from "../constants.ts";
import { isCaptured, isOpen, isPaid } from "../domain/payment.ts";
import { scheduleCheck, closeOrder, voidWithoutIntent } from "../store/payments.ts";
import type { Change } from "../store/payments.ts";
import { byId, byOrder, loadViews, viewStatements, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { withCallDeadline } from "./stripe/failures.ts";
import { StillProcessing, cancelIntent, reconcile } from "./reconcile.ts";
import { retrieveIntent } from "./stripe/client.ts";
import { republishLastEvent } from "./republish.ts";

interface Closing {
  readonly call: Call;
  readonly orderId: string;
  readonly change: Change;
  /** Why orders closes the order; what PAYMENT_VOIDED and the closed order tell. */
  readonly reason: "payment_timeout" | "order_cancelled";
  /** Whether a payment in this state keeps the order open. */
  readonly keeps: (status: PaymentState) => boolean;
  /** Whether an open payment that a payment method was tried for is left alone. */
  readonly leavesTried: boolean;
}

/** What one look at an order's payments came to; `again` when something changed under it. */
type Step = "paid" | "closed" | "tried" | "again";

async function closeUnstored(deps: PaymentsDeps, view: View, { orderId, change, reason }: Closing): Promise<Step> {
  const now = deps.now();
  try {
    await save(deps, [...voidWithoutIntent(view, change, now), closeOrder(orderId, reason, now, false)]);
    return "closed";
  } catch (error) {
    if (error instanceof StaleWrite) return "again";
    throw error;
  }
}

/** Before Stripe is asked to let an authorization go: who asks is on record, and a sweep finds out what came of it. */
async function begin(deps: PaymentsDeps, { row }: View, { call, orderId, reason }: Closing): Promise<void> {
  if (row.status !== "AUTHORIZED" || !isUser(call.actor)) return;
  const now = deps.now();
  const details = { orderId, amount: row.amountCapturable, reason };
  await save(deps, [
    scheduleCheck(byId(row.id), now),
    auditInsert(call, now, { action: "payment.void", subject: row.id, details }),
  ]);
}

/**
 * Asks Stripe about a payment. One that keeps the order open is recorded, which sends its event; any other has its intent cancelled,
 * which Stripe refuses once it is captured. The order is closed in the batch that writes the payment void: no new payment fits
 * between the two, as there is one per order until then.
 */
async function closeAtStripe(deps: PaymentsDeps, view: View, intentId: string, closing: Closing): Promise<Step> {
  const { orderId, change, reason, keeps, leavesTried } = closing;
  const intent = await retrieveIntent(deps.stripe, intentId);
  const isOurMoney = intent.amount === view.row.amount && intent.currency.toUpperCase() === view.row.currency;
  const isTaken = intent.status === "succeeded" || (intent.status === "requires_capture" && keeps("AUTHORIZED"));
  if (isOurMoney && isTaken) {
    const row = await reconcile(deps, view, change, { answer: intent });
    return keeps(row.status) ? "paid" : "again";
  }
  // Money taken that is not what was asked for is an operator's to sort out: neither paid nor to be closed.
  if (intent.status === "processing" || (intent.status === "succeeded" && !isOurMoney)) {
    throw new StillProcessing(`payment ${view.row.id} cannot be closed yet`);
  }
  const isTried = intent.status === "requires_action" || intent.last_payment_error !== null;
  if (leavesTried && isTried && intent.status !== "canceled") {
    await reconcile(deps, view, change, { answer: intent });
    return "tried";
  }
  if (intent.status !== "canceled") await begin(deps, view, closing);
  const canceled = intent.status === "canceled" ? intent : await cancelIntent(deps, intentId);
  if (canceled === undefined) return "again";
  const also = [closeOrder(orderId, reason, deps.now(), false)];
  await reconcile(deps, view, change, { answer: canceled, also });
  return "closed";
}

async function closeStep(deps: PaymentsDeps, closing: Closing): Promise<Step> {
  const { orderId, reason, keeps } = closing;
  const views = await loadViews(deps.db, byOrder(orderId));
  const paid = views.find(({ row, closed }) => closed === null && keeps(row.status));
  if (paid !== undefined) {
    await republishLastEvent(deps, paid.row);
    return "paid";
  }
  const open = views.find(({ row }) => isOpen(row.status) || (row.status === "AUTHORIZED" && !keeps(row.status)));
  if (open !== undefined) {
    const { stripePaymentIntentId } = open.row;
    return stripePaymentIntentId === null
      ? await closeUnstored(deps, open, closing)
      : await closeAtStripe(deps, open, stripePaymentIntentId, closing);
  }
  if (views.some(({ closed }) => closed !== null)) return "closed";
  const { results } = await save(deps, [
    closeOrder(orderId, reason, deps.now(), true),
    sql`SELECT 1 AS closed FROM closed_orders WHERE order_id = ${orderId}`,
  ]);
  return (results[1]?.results.length ?? 0) > 0 ? "closed" : "again";
}

type Wanted = Pick<Closing, "orderId" | "reason" | "keeps" | "leavesTried">;

/** Ends an order's payments, as wanted. Fails with payment_provider_unavailable. */
export async function closePayments(
  deps: PaymentsDeps,
  call: Call,
  wanted: Wanted,
): Promise<Outcome<"paid" | "closed" | "tried">> {
  const { orderId, reason } = wanted;
  const change: Change = { actor: call.actor.id, reason, voidReason: reason, traceparent: call.traceparent };
  return await withCallDeadline(deps, async () => {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const step = await closeStep(deps, { ...wanted, call, change });
      if (step !== "again") return ok(step);
    }
    throw new StaleWrite(`the payments of ${orderId} kept changing`);
  });
}

/** See PaymentsContract.close. */
export async function close(
  deps: PaymentsDeps,
  call: Call,
  { orderId, unless }: z.output<typeof CloseInput>,
): Promise<Outcome<"paid" | "closed">> {
  const wanted: Wanted =
    unless === "captured"
      ? { orderId, reason: "order_cancelled", keeps: isCaptured, leavesTried: false }
      : { orderId, reason: "payment_timeout", keeps: isPaid, leavesTried: false };
  const closed = await closePayments(deps, call, wanted);
  if (closed.ok && closed.value === "tried") throw new Error("a payment was spared that was not to be");
  return closed as Outcome<"paid" | "closed">;
}

/** Gives back the money of one payment of a closed order, or sees to it that there will be none. Idempotent. */
export async function endClosedPayment(deps: PaymentsDeps, view: View, change: Change): Promise<void> {
  const { status, stripePaymentIntentId } = view.row;
  if (status === "VOIDED" || status === "REFUNDED") {
    await republishLastEvent(deps, view.row);
    return;
  }
  if (stripePaymentIntentId !== null) {
    await reconcile(deps, view, change);
    return;
  }
  await save(deps, voidWithoutIntent(view, change, deps.now()));
}

/**
 * Remembers that the order is closed, even before it has a payment, and gives back what it has: by Stripe's present state the
 * intent is cancelled, or what was captured refunded.
 * @throws StripeUnavailable, StillProcessing, StaleWrite: to be tried again; a sweep does so too.
 */
export async function cancelOrderPayments(
  deps: PaymentsDeps,
  orderId: string,
  reason: string,
  change: Change,
): Promise<void> {
  const now = deps.now();
  const { results } = await save(deps, [
    closeOrder(orderId, reason, now, false),
    scheduleCheck(byOrder(orderId), now),
    ...viewStatements(byOrder(orderId)),
  ]);
  const rows = (index: number): Record<string, unknown>[] => results[index]?.results ?? [];
  for (const view of viewsOf(rows(2), rows(3))) await endClosedPayment(deps, view, change);
}
