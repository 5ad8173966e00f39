// The end of an order's payments: of one that was not paid in time (close, asked by orders) and of a cancelled one
// (cancelOrderPayments, by ORDER_CANCELLED). The first lets a paid order live; the second gives its money back.
import { sql } from "drizzle-orm";
import type { z } from "zod";
import type { Call } from "#shared/call";
import { StaleWrite } from "#shared/database";
import type { CloseInput } from "#shared/contracts/payments";
import type { Outcome } from "#shared/errors";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { MAX_TRIES } from "../constants.ts";
import { isOpen, isPaid } from "../domain.ts";
import { armChecks, closeOrder, voidWithoutIntent } from "../store/payments.ts";
import type { Change } from "../store/payments.ts";
import { byOrder, loadViews, viewStatements, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { inTime } from "./failures.ts";
import { StillProcessing, cancelIntent, reconcile } from "./reconcile.ts";
import { retrieveIntent } from "./stripe.ts";
import { tellAgain } from "./tell-again.ts";

/** Why orders closes an order; what PAYMENT_VOIDED and the closed order tell. */
const CLOSE_REASON = "payment_timeout";

/** What one look at an order's payments came to; `again` when something changed under it. */
type Step = "paid" | "closed" | "again";

async function closeUnstored(deps: PaymentsDeps, view: View, change: Change): Promise<Step> {
  const now = deps.now();
  try {
    await save(deps, [...voidWithoutIntent(view, change, now), closeOrder(view.row.orderId, CLOSE_REASON, now, false)]);
    return "closed";
  } catch (error) {
    if (error instanceof StaleWrite) return "again";
    throw error;
  }
}

/**
 * Asks Stripe about an open payment. A paid one is recorded, which sends its event; any other has its intent cancelled. The order
 * is closed in the batch that writes the payment void: no new payment fits between the two, as there is one per order until then.
 */
async function closeAtStripe(deps: PaymentsDeps, view: View, intentId: string, change: Change): Promise<Step> {
  const intent = await retrieveIntent(deps.stripe, intentId);
  const isOurMoney = intent.amount === view.row.amount && intent.currency.toUpperCase() === view.row.currency;
  if (isOurMoney && (intent.status === "succeeded" || intent.status === "requires_capture")) {
    const row = await reconcile(deps, view, change, { answer: intent });
    return isPaid(row.status) ? "paid" : "again";
  }
  // Money taken that is not what was asked for is an operator's to sort out: neither paid nor to be closed.
  if (intent.status === "processing" || (intent.status === "succeeded" && !isOurMoney)) {
    throw new StillProcessing(`payment ${view.row.id} cannot be closed yet`);
  }
  const canceled = intent.status === "canceled" ? intent : await cancelIntent(deps, intentId);
  if (canceled === undefined) return "again";
  const also = [closeOrder(view.row.orderId, CLOSE_REASON, deps.now(), false)];
  await reconcile(deps, view, change, { answer: canceled, also });
  return "closed";
}

async function closeStep(deps: PaymentsDeps, orderId: string, change: Change): Promise<Step> {
  const views = await loadViews(deps.db, byOrder(orderId));
  const paid = views.find(({ row, closed }) => closed === null && isPaid(row.status));
  if (paid !== undefined) {
    await tellAgain(deps, paid.row);
    return "paid";
  }
  const open = views.find(({ row }) => isOpen(row.status));
  if (open !== undefined) {
    const { stripePaymentIntentId } = open.row;
    return stripePaymentIntentId === null
      ? await closeUnstored(deps, open, change)
      : await closeAtStripe(deps, open, stripePaymentIntentId, change);
  }
  if (views.some(({ closed }) => closed !== null)) return "closed";
  const { results } = await save(deps, [
    closeOrder(orderId, CLOSE_REASON, deps.now(), true),
    sql`SELECT 1 AS closed FROM closed_orders WHERE order_id = ${orderId}`,
  ]);
  return (results[1]?.results.length ?? 0) > 0 ? "closed" : "again";
}

/** See PaymentsContract.close. */
export async function close(
  deps: PaymentsDeps,
  call: Call,
  { orderId }: z.output<typeof CloseInput>,
): Promise<Outcome<"paid" | "closed">> {
  const change: Change = {
    actor: call.actor.id,
    reason: CLOSE_REASON,
    voidReason: CLOSE_REASON,
    traceparent: call.traceparent,
  };
  return await inTime(deps, async () => {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const step = await closeStep(deps, orderId, change);
      if (step !== "again") return ok(step);
    }
    throw new StaleWrite(`the payments of ${orderId} kept changing`);
  });
}

/** Gives back the money of one payment of a closed order, or sees to it that there will be none. Idempotent. */
export async function settleClosed(deps: PaymentsDeps, view: View, change: Change): Promise<void> {
  const { status, stripePaymentIntentId } = view.row;
  if (status === "VOIDED" || status === "REFUNDED") {
    await tellAgain(deps, view.row);
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
    armChecks(byOrder(orderId), now),
    ...viewStatements(byOrder(orderId)),
  ]);
  const rows = (index: number): Record<string, unknown>[] => results[index]?.results ?? [];
  for (const view of viewsOf(rows(2), rows(3))) await settleClosed(deps, view, change);
}
