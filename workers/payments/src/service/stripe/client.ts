// Stripe's SDK: the client, and the calls that read, create and cancel intents and create refunds. Reading all of a payment is in
// snapshot.ts.
import { Stripe } from "stripe";
import { SANDBOX_HOST } from "../../constants.ts";
import type { TimeoutPolicy } from "../../constants.ts";
import type { PaymentRow, RefundRow } from "../../schema.ts";
import { isUnexpectedState, request } from "./failures.ts";

export interface StripeOptions {
  readonly secretKey: string;
  /** The service binding that replaces Stripe's host. */
  readonly sandbox?: Pick<Fetcher, "fetch"> | undefined;
}

/** @throws when a sandbox is bound together with a key that could move real money */
export function refuseLiveKey({ secretKey, sandbox }: StripeOptions): void {
  if (sandbox !== undefined && !secretKey.startsWith("sk_test")) {
    throw new Error("the Stripe sandbox is bound, but STRIPE_SECRET_KEY is not a test key");
  }
}

/** @throws see refuseLiveKey */
export function stripeClient(options: StripeOptions, { timeoutMs, retries }: TimeoutPolicy): Stripe {
  refuseLiveKey(options);
  const { secretKey, sandbox } = options;
  return new Stripe(secretKey, {
    httpClient: Stripe.createFetchHttpClient(sandbox?.fetch.bind(sandbox)),
    ...(sandbox === undefined ? {} : { host: SANDBOX_HOST, protocol: "http" as const }),
    maxNetworkRetries: retries,
    timeout: timeoutMs,
    telemetry: false,
  });
}

/** The charge says whether there are refunds or disputes to fetch. */
const EXPAND_CHARGE = { expand: ["latest_charge"] };

export function retrieveIntent(stripe: Stripe, intentId: string): Promise<Stripe.PaymentIntent> {
  return request(() => stripe.paymentIntents.retrieve(intentId, EXPAND_CHARGE));
}

/** All parameters come from the row. So concurrent calls, and one after a crash, are equal under one key and create one intent. */
export function createStripeIntent(stripe: Stripe, row: PaymentRow): Promise<Stripe.PaymentIntent> {
  const generation = row.createGeneration === 0 ? "" : `:${String(row.createGeneration)}`;
  return request(() =>
    stripe.paymentIntents.create(
      {
        amount: row.amount,
        currency: row.currency.toLowerCase(),
        capture_method: "manual",
        // Methods that redirect the buyer are excluded: the shop has no page to return to.
        automatic_payment_methods: { enabled: true, allow_redirects: "never" },
        description: `Order ${row.orderNumber}`,
        metadata: { paymentId: row.id, orderId: row.orderId },
      },
      { idempotencyKey: `${row.id}:create${generation}` },
    ),
  );
}

/** An intent's state allows one capture, so there is no idempotency key, which would repeat an old failure. @throws StripeRefused */
export function captureIntent(stripe: Stripe, intentId: string, amount: number): Promise<Stripe.PaymentIntent> {
  return request(() => stripe.paymentIntents.capture(intentId, { amount_to_capture: amount, ...EXPAND_CHARGE }));
}

/** Cancels an intent, without an idempotency key like `captureIntent`. Undefined when its state does not allow it any more. */
export async function cancelIntent(stripe: Stripe, intentId: string): Promise<Stripe.PaymentIntent | undefined> {
  try {
    return await request(() => stripe.paymentIntents.cancel(intentId, EXPAND_CHARGE));
  } catch (error) {
    if (isUnexpectedState(error)) return undefined;
    throw error;
  }
}

/** The SDK's largest list. A list cut short would show less refunded than was. */
const MAX_REFUNDS = 10_000;

/** All refunds of an intent, newest first. */
export function listRefunds(stripe: Stripe, intentId: string): Promise<Stripe.Refund[]> {
  return request(() =>
    stripe.refunds.list({ payment_intent: intentId, limit: 100 }).autoPagingToArray({ limit: MAX_REFUNDS }),
  );
}

/**
 * Creates a row's refund. A repeated attempt looks for it first, because Stripe forgets its keys after a day and repeats a 5xx under a
 * key even if the work was done. @throws StripeUnavailable, StripeRefused
 */
export async function createStripeRefund(
  stripe: Stripe,
  { id: refundId, paymentId, amount, reason }: RefundRow,
  intentId: string,
  { isRepeated }: { readonly isRepeated: boolean },
): Promise<void> {
  const present = isRepeated ? await listRefunds(stripe, intentId) : [];
  if (present.some(({ metadata }) => metadata?.["refundId"] === refundId)) return;
  const metadata = { refundId, paymentId, ...(reason === null ? {} : { reason }) };
  await request(() =>
    stripe.refunds.create({ payment_intent: intentId, amount, metadata }, { idempotencyKey: refundId }),
  );
}
