// The time-out of unpaid orders, many at a time: a call between Workers is dear, and a request may make few of them.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { CloseUnpaidInput, ClosedUnpaid } from "#shared/contracts/payments";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { sweepEach } from "#shared/sweep";
import { isPaid } from "../domain/payment.ts";
import { closePayments } from "./closing.ts";
import type { PaymentsDeps } from "./deps.ts";

/** A Worker may have 6 connections open at a time (https://developers.cloudflare.com/workers/platform/limits/). */
const CONCURRENCY = 5;

/** See PaymentsContract.closeUnpaid. */
export async function closeUnpaid(
  deps: PaymentsDeps,
  call: Call,
  { orders }: z.output<typeof CloseUnpaidInput>,
): Promise<Outcome<readonly ClosedUnpaid[]>> {
  const known = new Map<string, ClosedUnpaid["outcome"]>();
  await sweepEach(
    orders,
    { concurrency: CONCURRENCY, idOf: ({ orderId }) => orderId },
    async ({ orderId, correlationId, unlessTried }) => {
      const closed = await closePayments(
        deps,
        { ...call, correlationId },
        { orderId, reason: "payment_timeout", keeps: isPaid, leavesTried: unlessTried },
      );
      if (closed.ok) known.set(orderId, closed.value);
      return closed.ok;
    },
  );
  return ok(orders.map(({ orderId }) => ({ orderId, outcome: known.get(orderId) ?? "unknown" })));
}
