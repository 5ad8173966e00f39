// How much of a payment may be refunded, and when a closed order's refund is given up.
import type { Refund } from "#shared/contracts/payments";
import { sumMinor } from "#shared/money";
import { MAX_RETURNED_REFUNDS } from "../constants.ts";
import { isUnderDispute } from "./payment.ts";
import type { DerivedState, SnapshotDispute } from "./snapshot.ts";

type LostDispute = Pick<SnapshotDispute, "status" | "amount">;

/** The total of lost disputes, which the buyer has, in minor units. */
export function lostAmount(disputes: readonly LostDispute[]): number {
  return sumMinor(disputes.filter(({ status }) => status === "lost").map(({ amount }) => amount));
}

/**
 * What may still be refunded, in minor units. Pending refunds and lost disputes are subtracted, so that refunds and disputes together
 * never exceed what was captured. `refundInsert` in store/refunds.ts has the same rule in SQL.
 */
export function refundable(
  amountCaptured: number,
  refunds: readonly { readonly amount: number; readonly status: Refund["status"] }[],
  disputes: readonly LostDispute[],
): number {
  const counting = refunds.filter(({ status }) => status === "pending" || status === "succeeded");
  return Math.max(0, amountCaptured - sumMinor(counting.map(({ amount }) => amount)) - lostAmount(disputes));
}

/** The actor of the refunds of closed orders. */
export const CLOSED_ORDER_ACTOR = "order_closed";

interface OwnRefund {
  readonly actor: string;
  readonly status: Refund["status"];
  readonly stripeRefundId: string | null;
}

/** The refunds of a closed order, without those of staff and of Stripe's dashboard. */
export function closedOrderRefunds<R extends OwnRefund>(refunds: readonly R[]): R[] {
  return refunds.filter(({ actor }) => actor === CLOSED_ORDER_ACTOR);
}

/** A bank that returned refunds this often will return the next one too. An open finding asks an operator instead. */
export function isReturnedTooOften(refunds: readonly OwnRefund[]): boolean {
  const returned = refunds.filter(({ status, stripeRefundId }) => status === "failed" && stripeRefundId !== null);
  return returned.length >= MAX_RETURNED_REFUNDS;
}

/** Why a refund that was refused could not be made. `exceeds`: there is money to refund, but less than was requested. */
export function refusalOf(
  payment: Pick<DerivedState, "status" | "reason" | "amountCaptured">,
  refunds: readonly { readonly amount: number; readonly status: Refund["status"] }[],
  disputes: readonly LostDispute[],
): "exceeds" | "not_refundable" {
  const { status, amountCaptured } = payment;
  const hasMoney =
    status === "DISPUTED"
      ? !isUnderDispute(payment) && refundable(amountCaptured, refunds, disputes) > 0
      : amountCaptured > 0;
  return hasMoney ? "exceeds" : "not_refundable";
}
