// What a failed call of Stripe means here, and how long a caller waits for Stripe. Consumers and sweeps let these errors pass and are
// tried again.
import { Stripe } from "stripe";
import { fail } from "#shared/errors";
import type { DomainError, Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { withTimeout } from "#shared/timeout";
import { BUSY_RETRY_PAUSES_MS, CALL_DEADLINE_MS } from "../../constants.ts";
import type { PaymentsDeps } from "../deps.ts";

/** Stripe did not answer, or failed: the work may or may not have been done. */
export class StripeUnavailable extends Error {
  override readonly name = "StripeUnavailable";
  /** Stripe itself answered with a 5xx, which it repeats under the same idempotency key. */
  readonly isServerError: boolean;

  constructor({ isServerError = false, ...options }: ErrorOptions & { readonly isServerError?: boolean }) {
    super("Stripe is not available", options);
    this.isServerError = isServerError;
  }
}

/** Stripe refused for good: the same call would be refused again. */
export class StripeRefused extends Error {
  override readonly name = "StripeRefused";
  /** https://docs.stripe.com/error-codes */
  readonly code: string;

  constructor(code: string, options: ErrorOptions) {
    super(`Stripe refused: ${code}`, options);
    this.code = code;
  }
}

/** The payment can neither be cancelled nor refunded yet: Stripe is processing the money, or it is not the requested amount. */
export class CannotCloseYet extends Error {
  override readonly name = "CannotCloseYet";
}

/** Another call holds the object or the key at the moment, and Stripe has not begun this one. */
const BUSY_CODES: readonly string[] = ["lock_timeout", "idempotency_key_in_use", "rate_limit"];

function isBusy(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code !== undefined && BUSY_CODES.includes(error.code);
}

/** An error of the SDK as one of the errors above; any other error as it is. */
function classify(cause: unknown): unknown {
  const { errors } = Stripe;
  if (cause instanceof errors.StripeConnectionError) return new StripeUnavailable({ cause });
  if (cause instanceof errors.StripeRateLimitError) return new StripeUnavailable({ cause });
  if (cause instanceof errors.StripeAuthenticationError || cause instanceof errors.StripePermissionError) {
    // No caller can do anything about it, so an operator has to read it in the log.
    log("error", "Stripe does not accept the configured key", { error: cause });
    return new StripeUnavailable({ cause });
  }
  if (!(cause instanceof errors.StripeError)) return cause;
  if (isBusy(cause)) return new StripeUnavailable({ cause });
  if (cause.statusCode === undefined) return new StripeUnavailable({ cause });
  if (cause.statusCode >= 500) return new StripeUnavailable({ cause, isServerError: true });
  return new StripeRefused(cause.code ?? cause.type, { cause });
}

/** Calls Stripe, and again after short pauses while it is busy. @throws StripeUnavailable, StripeRefused */
export async function request<T>(work: () => Promise<T>): Promise<T> {
  for (const pauseMs of BUSY_RETRY_PAUSES_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error)) throw classify(error);
      await scheduler.wait(pauseMs);
    }
  }
  try {
    return await work();
  } catch (error) {
    throw classify(error);
  }
}

/** Stripe refuses with this code what the intent's state does not allow. The state then has to be read again. */
export function isUnexpectedState(error: unknown): boolean {
  return error instanceof StripeRefused && error.code === "payment_intent_unexpected_state";
}

const UNAVAILABLE = fail("payment_provider_unavailable", "The payment provider does not answer. Please try again.");

/** @throws the error itself when it is about anything else */
function unavailable(error: unknown): { readonly ok: false; readonly error: DomainError } {
  if (!(error instanceof StripeUnavailable) && !(error instanceof CannotCloseYet)) throw error;
  log("warn", "Stripe could not be reached", { error });
  return UNAVAILABLE;
}

/** Fails with payment_provider_unavailable after `deadlineMs`. The work continues, because stopping it would leave more to the sweeps. */
export async function withCallDeadline<T>(
  deps: PaymentsDeps,
  work: () => Promise<Outcome<T>>,
  deadlineMs = CALL_DEADLINE_MS,
): Promise<Outcome<T>> {
  const done = work().catch(unavailable);
  return await withTimeout<Outcome<T>>(done, deadlineMs, () => {
    log("warn", "Stripe is too slow for a call; the work continues without it", { deadlineMs });
    deps.waitUntil(done.catch((error: unknown) => log("error", "work that outlived its call failed", { error })));
    return UNAVAILABLE;
  });
}
