// The refund of what a closed order's payment has captured. Its id follows from the order and the payment, so that an event
// delivered twice, a webhook and a sweep all mean the same refund.
import { sha256Hex } from "#shared/hash";
import { save } from "#shared/outbox";
import { MAX_SENT_BACK } from "../constants.ts";
import { isUnderDispute, refundable } from "../domain/payment.ts";
import type { RefundRow } from "../schema.ts";
import { refundFound, refundInsert, refundRefused } from "../store/refunds.ts";
import { loadView } from "../store/views.ts";
import type { View } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { createStripeRefund } from "./stripe/refunds.ts";
import { StripeRefused } from "./stripe/client.ts";

/** Stands as the actor of these refunds. */
const ACTOR = "order_closed";

/** One that failed needs a successor, and a successor another id; while one is pending it is still the same one. */
async function nextId(view: View): Promise<string> {
  const settled = view.refunds.filter(({ actor, status }) => actor === ACTOR && status !== "pending");
  const digest = await sha256Hex(`${view.row.orderId}:${view.row.id}:${String(settled.length)}`);
  return `rfd_${digest.slice(0, 32)}`;
}

/** A card that sends money back will do so again: then it is for an operator, who was told. */
function hasFailedTooOften({ refunds }: View): boolean {
  const sentBack = refunds.filter(
    ({ actor, status, stripeRefundId }) => actor === ACTOR && status === "failed" && stripeRefundId !== null,
  );
  return sentBack.length >= MAX_SENT_BACK;
}

async function insert(deps: PaymentsDeps, view: View): Promise<RefundRow | undefined> {
  const id = await nextId(view);
  const reason = view.closed;
  await save(deps, [refundInsert({ id, paymentId: view.row.id, amount: null, reason, actor: ACTOR }, deps.now())]);
  return (await loadView(deps.db, view.row.id)).refunds.find((refund) => refund.id === id);
}

/**
 * Refunds what is left of a closed order's captured money. False when there is nothing to do.
 * @throws StripeUnavailable, StripeRefused
 */
export async function refundRemainder(deps: PaymentsDeps, view: View): Promise<boolean> {
  const { row, refunds, disputes } = view;
  if (isUnderDispute(row) || row.stripePaymentIntentId === null) return false;
  const pending = refunds.find(
    ({ actor, status, stripeRefundId }) => actor === ACTOR && status === "pending" && stripeRefundId === null,
  );
  const fresh =
    pending === undefined && !hasFailedTooOften(view) && refundable(row.amountCaptured, refunds, disputes) > 0
      ? await insert(deps, view)
      : undefined;
  const refund = pending ?? fresh;
  if (refund?.status !== "pending") return false;
  try {
    await createStripeRefund(deps, refund, row.stripePaymentIntentId, pending === undefined);
    return true;
  } catch (error) {
    if (error instanceof StripeRefused) {
      const now = deps.now();
      await save(deps, [refundRefused(refund.id, now), refundFound("refund_refused", row, refund.amount, now)]);
    }
    throw error;
  }
}
