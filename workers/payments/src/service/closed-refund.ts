// The refund of a closed order's captured money. Its id follows from the order and the payment, so an event delivered twice, a webhook
// and a sweep all create the same refund.
import { sha256Hex } from "#shared/hash";
import { save } from "#shared/outbox";
import { isUnderDispute } from "../domain/payment.ts";
import { CLOSED_ORDER_ACTOR, closedOrderRefunds, isReturnedTooOften, refundable } from "../domain/refunds.ts";
import type { RefundRow } from "../schema.ts";
import { refundInsert, refundRefused } from "../store/refunds.ts";
import { onlyView, byId, viewQueries, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { refundFinding } from "./notices.ts";
import { createStripeRefund } from "./stripe/client.ts";
import { StripeRefused } from "./stripe/failures.ts";

/** A refund that ended without success needs a successor with another id. While one is pending, the id stays the same. */
async function nextId(view: View): Promise<string> {
  const ended = closedOrderRefunds(view.refunds).filter(({ status }) => status !== "pending");
  const digest = await sha256Hex(`${view.row.orderId}:${view.row.id}:${String(ended.length)}`);
  return `rfd_${digest.slice(0, 32)}`;
}

async function insertRefund(deps: PaymentsDeps, view: View): Promise<RefundRow | undefined> {
  const id = await nextId(view);
  const refund = { id, paymentId: view.row.id, amount: null, reason: view.closed, actor: CLOSED_ORDER_ACTOR };
  const { payments, refunds } = await save(deps, {
    refund: refundInsert(refund, deps.now()),
    ...viewQueries(byId(view.row.id)),
  });
  const inserted = onlyView(viewsOf(payments.rows, refunds.rows)).refunds.find((own) => own.id === id);
  return inserted?.status === "pending" ? inserted : undefined;
}

/** Returns false when there is nothing to refund. @throws StripeUnavailable, StripeRefused */
export async function refundRemainder(deps: PaymentsDeps, view: View): Promise<boolean> {
  const { row, disputes } = view;
  if (isUnderDispute(row) || row.stripePaymentIntentId === null) return false;
  const own = closedOrderRefunds(view.refunds);
  const pending = own.find(({ status, stripeRefundId }) => status === "pending" && stripeRefundId === null);
  const isRefundable = !isReturnedTooOften(own) && refundable(row.amountCaptured, view.refunds, disputes) > 0;
  const refund = pending ?? (isRefundable ? await insertRefund(deps, view) : undefined);
  if (refund === undefined) return false;
  try {
    await createStripeRefund(deps.stripe, refund, row.stripePaymentIntentId, { isRepeated: pending !== undefined });
    return true;
  } catch (error) {
    if (error instanceof StripeRefused) {
      const now = deps.now();
      await save(deps, {
        refused: refundRefused(refund.id, now),
        finding: refundFinding("refund_refused", row, refund.amount, now),
      });
    }
    throw error;
  }
}
