// Stripe through its own SDK: the client, what its errors mean here, and reading the truth about one payment.
import { Stripe } from "stripe";
import { log } from "#shared/logger";
import { SANDBOX_HOST, STRIPE_RETRIES, STRIPE_TIMEOUT_MS } from "../constants.ts";
import { IntentStatus } from "../domain.ts";
import type { Truth, TrueRefund } from "../domain.ts";
import type { PaymentRow, RefundRow } from "../schema.ts";

export interface StripeOptions {
  readonly secretKey: string;
  /** The service binding that stands in for Stripe's host. */
  readonly sandbox?: Pick<Fetcher, "fetch"> | undefined;
  readonly timeoutMs?: number;
  readonly retries?: number;
}

/** @throws when a sandbox is bound beside a key that could move real money: such a configuration must not run. */
export function refuseLiveKey({ secretKey, sandbox }: StripeOptions): void {
  if (sandbox !== undefined && !secretKey.startsWith("sk_test")) {
    throw new Error("the Stripe sandbox is bound, but STRIPE_SECRET_KEY is not a test key");
  }
}

/** @throws see refuseLiveKey. */
export function stripeClient(options: StripeOptions): Stripe {
  refuseLiveKey(options);
  const { secretKey, sandbox, timeoutMs, retries } = options;
  return new Stripe(secretKey, {
    httpClient: Stripe.createFetchHttpClient(sandbox?.fetch.bind(sandbox)),
    ...(sandbox === undefined ? {} : { host: SANDBOX_HOST, protocol: "http" as const }),
    maxNetworkRetries: retries ?? STRIPE_RETRIES,
    timeout: timeoutMs ?? STRIPE_TIMEOUT_MS,
    telemetry: false,
  });
}

/** Stripe could not be asked, or could not tell: whatever was to be done may or may not have been done. */
export class StripeUnavailable extends Error {
  override readonly name = "StripeUnavailable";

  constructor(
    /** Stripe itself answered with a 5xx, which it repeats under the same idempotency key. */
    readonly answered: boolean,
    options: ErrorOptions,
  ) {
    super("Stripe is not available", options);
  }
}

/** Stripe refused for good: the same call again would be refused again. */
export class StripeRefused extends Error {
  override readonly name = "StripeRefused";

  constructor(
    /** Stripe's error code, https://docs.stripe.com/error-codes. */
    readonly code: string,
    options: ErrorOptions,
  ) {
    super(`Stripe refused: ${code}`, options);
  }
}

/** Another call holds the object or the key for a moment; the SDK's own retries were not enough. */
const BUSY_CODES: readonly string[] = ["lock_timeout", "idempotency_key_in_use", "rate_limit"];

function meaningOf(error: unknown): unknown {
  const { errors } = Stripe;
  if (error instanceof errors.StripeConnectionError) return new StripeUnavailable(false, { cause: error });
  if (error instanceof errors.StripeRateLimitError) return new StripeUnavailable(false, { cause: error });
  if (error instanceof errors.StripeAuthenticationError || error instanceof errors.StripePermissionError) {
    // Nothing a caller could do about; the operator reads it here.
    log("error", "Stripe does not accept the configured key", { error });
    return new StripeUnavailable(false, { cause: error });
  }
  if (!(error instanceof errors.StripeError)) return error;
  if (error.code !== undefined && BUSY_CODES.includes(error.code)) {
    return new StripeUnavailable(false, { cause: error });
  }
  if (error.statusCode === undefined || error.statusCode >= 500) {
    return new StripeUnavailable(error.statusCode !== undefined, { cause: error });
  }
  return new StripeRefused(error.code ?? error.type, { cause: error });
}

/**
 * Calls Stripe.
 * @throws StripeUnavailable, StripeRefused; anything else is a bug.
 */
export async function ask<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw meaningOf(error);
  }
}

/** Stripe refuses what the intent's state does not allow with this code; then the state has to be read again. */
export function isUnexpectedState(error: unknown): boolean {
  return error instanceof StripeRefused && error.code === "payment_intent_unexpected_state";
}

/** The charge tells whether refunds or disputes are worth a call of their own. */
export const EXPAND_CHARGE = { expand: ["latest_charge"] };
/** Refunds of one payment that are read; Stripe's largest page. */
const REFUND_PAGE = 100;

/** A won or withdrawn dispute leaves the payment as it was; a lost one has taken the money. */
const SETTLED_DISPUTES: readonly Stripe.Dispute.Status[] = ["won", "warning_closed", "prevented"];

function refundStatus(status: string | null): TrueRefund["status"] {
  return status === "succeeded" || status === "failed" || status === "canceled" ? status : "pending";
}

function trueRefund(refund: Stripe.Refund): TrueRefund {
  return {
    stripeRefundId: refund.id,
    refundId: refund.metadata?.["refundId"] ?? null,
    amount: refund.amount,
    status: refundStatus(refund.status),
    reason: refund.metadata?.["reason"] ?? refund.reason ?? null,
    createdAt: refund.created * 1_000,
  };
}

/** All refunds of an intent, newest first. */
export async function refundsOf(stripe: Stripe, intentId: string): Promise<TrueRefund[]> {
  const list = await ask(() =>
    stripe.refunds
      .list({ payment_intent: intentId, limit: REFUND_PAGE })
      .autoPagingToArray({ limit: 10 * REFUND_PAGE }),
  );
  return list.map(trueRefund);
}

async function disputeOf(stripe: Stripe, intentId: string): Promise<Truth["dispute"]> {
  const { data } = await ask(() => stripe.disputes.list({ payment_intent: intentId, limit: REFUND_PAGE }));
  const counting = data.find(({ status }) => !SETTLED_DISPUTES.includes(status));
  return counting === undefined ? null : { reason: counting.reason };
}

/**
 * Completes what an intent, read or just answered with its charge, tells by the refunds and disputes it can have.
 * `local` are the refunds known here: with them there is something to compare even when the charge tells of none.
 */
export async function truthOf(
  stripe: Stripe,
  intent: Stripe.PaymentIntent,
  local: readonly Pick<RefundRow, "status">[],
): Promise<Truth> {
  const charge = typeof intent.latest_charge === "object" ? intent.latest_charge : null;
  const captured = intent.status === "succeeded";
  const mayHaveRefunds = captured && (charge === null || charge.amount_refunded > 0 || local.length > 0);
  const [refunds, dispute] = await Promise.all([
    mayHaveRefunds ? refundsOf(stripe, intent.id) : null,
    captured && charge?.disputed === true ? disputeOf(stripe, intent.id) : null,
  ]);
  const failure = intent.last_payment_error;
  return {
    intentId: intent.id,
    clientSecret: intent.client_secret ?? "",
    status: IntentStatus.parse(intent.status),
    amount: intent.amount,
    currency: intent.currency.toUpperCase(),
    amountCapturable: intent.amount_capturable,
    amountReceived: intent.amount_received,
    failure: failure === null ? null : (failure.decline_code ?? failure.code ?? failure.type),
    cancellationReason: intent.cancellation_reason,
    refunds,
    dispute,
  };
}

export function retrieveIntent(stripe: Stripe, intentId: string): Promise<Stripe.PaymentIntent> {
  return ask(() => stripe.paymentIntents.retrieve(intentId, EXPAND_CHARGE));
}

/**
 * Makes the intent of a payment's row. Everything in it comes from the row, so that any number of calls, at once or after a
 * crash, say the same under the same key and Stripe makes one intent.
 */
export function createStripeIntent(stripe: Stripe, row: PaymentRow): Promise<Stripe.PaymentIntent> {
  const generation = row.createGeneration === 0 ? "" : `:${String(row.createGeneration)}`;
  return ask(() =>
    stripe.paymentIntents.create(
      {
        amount: row.amount,
        currency: row.currency.toLowerCase(),
        capture_method: "manual",
        // What the dashboard allows, without methods that lead the buyer away: the shop has no page to come back to.
        automatic_payment_methods: { enabled: true, allow_redirects: "never" },
        description: `Order ${row.orderNumber}`,
        metadata: { paymentId: row.id, orderId: row.orderId },
      },
      { idempotencyKey: `${row.id}:create${generation}` },
    ),
  );
}
