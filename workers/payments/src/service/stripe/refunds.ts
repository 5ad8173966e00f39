// Takes a refund's row to Stripe. The row is there first and its id is Stripe's idempotency key, so a refund whose answer was lost
// is asked for again under the same key, and Stripe makes it once.
import type { SnapshotRefund } from "../../domain/payment.ts";
import type { RefundRow } from "../../schema.ts";
import type { PaymentsDeps } from "../deps.ts";
import { ask } from "./client.ts";
import { refundsOf } from "./snapshot.ts";

/**
 * Makes the refund at Stripe, or finds the one that was made. A repeated try looks first: Stripe forgets its keys after a day, and
 * repeats a 5xx under a key even when the work was done.
 * @throws StripeUnavailable, StripeRefused
 */
export async function createStripeRefund(
  deps: PaymentsDeps,
  refund: RefundRow,
  intentId: string,
  firstTry: boolean,
): Promise<void> {
  if (!firstTry && (await findRefund(deps, refund.id, intentId)) !== undefined) return;
  const metadata = {
    refundId: refund.id,
    paymentId: refund.paymentId,
    ...(refund.reason === null ? {} : { reason: refund.reason }),
  };
  await ask(() =>
    deps.stripe.refunds.create(
      { payment_intent: intentId, amount: refund.amount, metadata },
      { idempotencyKey: refund.id },
    ),
  );
}

async function findRefund(deps: PaymentsDeps, refundId: string, intentId: string): Promise<SnapshotRefund | undefined> {
  const made = await refundsOf(deps.stripe, intentId);
  return made.find((refund) => refund.refundId === refundId);
}
