// Pays an order: who may pay it, whether it can be paid and how much are decided here, the rest by the payments Worker.
import type * as z from "zod";
import type { Call } from "#shared/call";
import { isAdmin, isProven, isUser } from "#shared/call";
import type { PayOrderInput } from "#shared/contracts/orders";
import type { PaymentIntent } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { fingerprint, requestKey } from "#shared/hash";
import { ACCESS_TOKEN_TTL_MS } from "../constants.ts";
import { MONEY_IN } from "../domain/order.ts";
import type { StoredOrder } from "../store/orders.ts";
import { claimForPayment } from "../store/pay.ts";
import type { Payable, Payer } from "../store/pay.ts";
import { openOrder, tokenHash } from "./access.ts";
import type { Visible } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";

const ROUTE = "POST /api/payments/intent";

type Input = z.output<typeof PayOrderInput>;
interface Made {
  readonly intent: PaymentIntent;
  readonly created: boolean;
  readonly replayed: boolean;
}

const NOT_PAYABLE = fail(
  "order_not_payable",
  "This order cannot be paid: it is paid, cancelled, or past its payment window.",
);

async function payerOf({ actor }: Call, orderToken: string | undefined, now: number): Promise<Payer> {
  if (isAdmin(actor)) return "anyone";
  return {
    customerId: isUser(actor) ? actor.id : undefined,
    accessTokenHash: await tokenHash(orderToken),
    tokensSince: now - ACCESS_TOKEN_TTL_MS,
  };
}

/** A vendor who sells the whole order may not pay it. */
function isPayer({ actor }: Call, { stored, party }: Visible): boolean {
  return party === "buyer" || isAdmin(actor) || stored.order.customerId === actor.id;
}

function payableOf({ order, customer, correlationId }: StoredOrder): Payable {
  return { orderNumber: order.number, amount: order.total, currency: order.currency, customer, correlationId };
}

async function idempotencyOf(
  { actor }: Call,
  { orderId, orderToken, idempotencyKey }: Input,
): Promise<{ readonly key: string; readonly fingerprint: string } | undefined> {
  if (idempotencyKey === undefined) return undefined;
  const identity = isUser(actor) ? `user:${actor.id}` : `token:${orderToken ?? ""}`;
  return {
    key: await requestKey(identity, ROUTE, idempotencyKey),
    fingerprint: await fingerprint(ROUTE, { orderId }),
  };
}

/**
 * Under what payments counts declined cards, unless the caller is proven. The order names the payer, so that a guest's token opens no
 * second count for an account's order. Digests, because payments need not know who it is.
 */
async function unprovenPayer(
  call: Call,
  { customer }: Payable,
): Promise<{ payer: string; network?: string } | undefined> {
  if (isProven(call.actor)) return undefined;
  const { network } = call;
  return {
    payer:
      customer.id === null
        ? await requestKey("guest", customer.email.toLowerCase(), network ?? "")
        : await requestKey("account", customer.id),
    ...(network === undefined ? {} : { network: await requestKey("network", network) }),
  };
}

/** See OrdersContract.payOrder. */
export async function payOrder(deps: OrdersDeps, call: Call, input: Input): Promise<Outcome<Made>> {
  const now = deps.now();
  const idempotency = await idempotencyOf(call, input);
  const createIntent = async (payable: Payable, mayBegin: boolean): Promise<Outcome<Made>> => {
    const unproven = await unprovenPayer(call, payable);
    return await deps.payments.createIntent(call, {
      orderId: input.orderId,
      ...payable,
      mayBegin,
      ...(unproven === undefined ? {} : { unproven }),
      ...(idempotency === undefined ? {} : { idempotency }),
    });
  };
  const payable = await claimForPayment(deps.db, input.orderId, await payerOf(call, input.orderToken, now), now);
  if (payable !== undefined) return await createIntent(payable, true);
  const visible = await openOrder(deps, call, input);
  if (!visible.ok) return visible;
  const { stored } = visible.value;
  // A repeated request gets its intent in its present state, even if it is paid.
  const mayRepeat = idempotency !== undefined && MONEY_IN.includes(stored.order.paymentStatus);
  // Payments knows whether declined cards ended it, and when another try is allowed.
  const isVoid = stored.order.paymentStatus === "VOIDED";
  return (mayRepeat || isVoid) && isPayer(call, visible.value)
    ? await createIntent(payableOf(stored), false)
    : NOT_PAYABLE;
}
