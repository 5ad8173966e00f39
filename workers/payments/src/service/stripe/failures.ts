// What a call answers when Stripe could not be asked, or not in time. Consumers and sweeps let the error pass and try again.
import { withTimeout } from "#shared/timeout";
import { fail } from "#shared/errors";
import type { DomainError, Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { CALL_DEADLINE_MS } from "../../constants.ts";
import type { PaymentsDeps } from "../deps.ts";
import { StillProcessing } from "../reconcile.ts";
import { StripeUnavailable } from "./client.ts";

const UNAVAILABLE = fail("payment_provider_unavailable", "The payment provider does not answer. Please try again.");

/** @throws the error itself when it is about anything else. */
function unavailable(error: unknown): { readonly ok: false; readonly error: DomainError } {
  if (!(error instanceof StripeUnavailable) && !(error instanceof StillProcessing)) throw error;
  log("warn", "Stripe could not be asked", { error });
  return UNAVAILABLE;
}

/**
 * Does what asks Stripe, any number of times, for a caller who waits no longer than CALL_DEADLINE_MS. Work that is late goes on
 * without the caller: cut off, it would only leave more to the sweeps.
 */
export async function withCallDeadline<T>(
  deps: PaymentsDeps,
  work: () => Promise<Outcome<T>>,
  deadlineMs = CALL_DEADLINE_MS,
): Promise<Outcome<T>> {
  const done = work().catch(unavailable);
  return await withTimeout<Outcome<T>>(done, deadlineMs, () => {
    log("warn", "Stripe is too slow for a call; the work goes on without it", { deadlineMs });
    deps.waitUntil(done.catch((error: unknown) => log("error", "what went on without its call failed", { error })));
    return UNAVAILABLE;
  });
}
