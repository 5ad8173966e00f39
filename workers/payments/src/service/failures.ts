// What a call answers when Stripe could not be asked. Consumers and sweeps let the error pass and try again.
import { fail } from "#shared/errors";
import type { DomainError } from "#shared/errors";
import { log } from "#shared/logger";
import { StillProcessing } from "./reconcile.ts";
import { StripeUnavailable } from "./stripe.ts";

/** @throws the error itself when it is about anything else. */
export function unavailable(error: unknown): { readonly ok: false; readonly error: DomainError } {
  if (!(error instanceof StripeUnavailable) && !(error instanceof StillProcessing)) throw error;
  log("warn", "Stripe could not be asked", { error });
  return fail("payment_provider_unavailable", "The payment provider does not answer. Please try again.");
}
