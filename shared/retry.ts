// Decisions that another request can overtake, and requests that come twice.
import { StaleWrite } from "./database.ts";
import { fail } from "./errors.ts";
import type { Outcome } from "./errors.ts";

/** Enough for the few requests that change one row at the same moment; a StaleWrite after that many is a bug or an attack. */
const MAX_ATTEMPTS = 5;

/**
 * Runs `decide` again when its write met a row that another request had changed. `decide` reads, decides and writes.
 * @throws StaleWrite after `attempts` runs
 */
export async function retryOnStale<T>(
  decide: () => Promise<T>,
  { attempts = MAX_ATTEMPTS }: { readonly attempts?: number } = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await decide();
    } catch (error) {
      if (!(error instanceof StaleWrite) || attempt >= attempts) throw error;
    }
  }
}

/** As `retryOnStale`, for a use case: fails with service_unavailable when other requests came first at every attempt. */
export async function retryOrRefuse<T>(
  decide: () => Promise<Outcome<T>>,
  options?: { readonly attempts?: number },
): Promise<Outcome<T>> {
  try {
    return await retryOnStale(decide, options);
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
    return fail("service_unavailable", "Others are changing this at the moment; try again.");
  }
}

/**
 * Answers a request whose idempotency key was used before: with the stored result when it asks for the same, by its fingerprint
 * (see `fingerprint` in hash.ts), and with idempotency_key_reused when it asks for something else.
 */
export function replayOrRefuse<T>(
  stored: { readonly fingerprint: string | null },
  fingerprint: string,
  result: () => T,
): Outcome<T> {
  if (stored.fingerprint === fingerprint) return { ok: true, value: result() };
  return fail("idempotency_key_reused", "This Idempotency-Key was used for another request.");
}
