// The payments of an order, for whoever orders or the gateway has found entitled to see them.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { OrderPaymentsInput, Payment } from "#shared/contracts/payments";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import type { PaymentsDeps } from "./deps.ts";
import { readPayments } from "./render.ts";

/** See PaymentsContract.listPayments. */
export async function listPayments(
  deps: PaymentsDeps,
  _call: Call,
  { orderId }: z.output<typeof OrderPaymentsInput>,
): Promise<Outcome<{ readonly items: readonly Payment[] }>> {
  return ok({ items: await readPayments(deps, { orderId }) });
}
