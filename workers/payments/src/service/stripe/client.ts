// Stripe through its own SDK: the client, what its errors mean here, and the calls about intents. Reading the truth about a payment
// is in truth.ts.
import { Stripe } from "stripe";
import { log } from "#shared/logger";
import { BUSY_RETRY_PAUSES_MS, SANDBOX_HOST } from "../../constants.ts";
import type { TimeoutPolicy } from "../../constants.ts";
import type { PaymentRow } from "../../schema.ts";

export interface StripeOptions {
  readonly secretKey: string;
  /** The service binding that stands in for Stripe's host. */
  readonly sandbox?: Pick<Fetcher, "fetch"> | undefined;
}

/** @throws when a sandbox is bound beside a key that could move real money: such a configuration must not run. */
export function refuseLiveKey({ secretKey, sandbox }: StripeOptions): void {
  if (sandbox !== undefined && !secretKey.startsWith("sk_test")) {
    throw new Error("the Stripe sandbox is bound, but STRIPE_SECRET_KEY is not a test key");
  }
}

/** @throws see refuseLiveKey. */
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

/** Another call holds the object or the key for a moment, and Stripe has not begun with this one. */
const BUSY_CODES: readonly string[] = ["lock_timeout", "idempotency_key_in_use", "rate_limit"];

function isBusy(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code !== undefined && BUSY_CODES.includes(error.code);
}

function classify(error: unknown): unknown {
  const { errors } = Stripe;
  if (error instanceof errors.StripeConnectionError) return new StripeUnavailable(false, { cause: error });
  if (error instanceof errors.StripeRateLimitError) return new StripeUnavailable(false, { cause: error });
  if (error instanceof errors.StripeAuthenticationError || error instanceof errors.StripePermissionError) {
    // Nothing a caller could do about; the operator reads it here.
    log("error", "Stripe does not accept the configured key", { error });
    return new StripeUnavailable(false, { cause: error });
  }
  if (!(error instanceof errors.StripeError)) return error;
  if (isBusy(error)) return new StripeUnavailable(false, { cause: error });
  if (error.statusCode === undefined || error.statusCode >= 500) {
    return new StripeUnavailable(error.statusCode !== undefined, { cause: error });
  }
  return new StripeRefused(error.code ?? error.type, { cause: error });
}

/**
 * Calls Stripe. What Stripe is busy with is asked again, which repeats nothing.
 * @throws StripeUnavailable, StripeRefused; anything else is a bug.
 */
export async function ask<T>(work: () => Promise<T>): Promise<T> {
  for (const pauseMs of [...BUSY_RETRY_PAUSES_MS, undefined]) {
    try {
      return await work();
    } catch (error) {
      if (pauseMs === undefined || !isBusy(error)) throw classify(error);
      await scheduler.wait(pauseMs);
    }
  }
  throw new Error("unreachable: the last try returns or throws");
}

/** Stripe refuses what the intent's state does not allow with this code; then the state has to be read again. */
export function isUnexpectedState(error: unknown): boolean {
  return error instanceof StripeRefused && error.code === "payment_intent_unexpected_state";
}

/** The charge tells whether refunds or disputes are worth a call of their own. */
export const EXPAND_CHARGE = { expand: ["latest_charge"] };

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
