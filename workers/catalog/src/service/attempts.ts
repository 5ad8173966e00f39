// Writes over what was read: when that has changed meanwhile, all of it again.
import { StaleWrite } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { MAX_WRITE_ATTEMPTS } from "../constants.ts";

/** Runs a read, a decision and a guarded write until nothing came between, at most MAX_WRITE_ATTEMPTS times. */
export async function untilSettled<T>(attempt: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  for (let attempts = 1; attempts <= MAX_WRITE_ATTEMPTS; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StaleWrite)) throw error;
    }
  }
  return fail("service_unavailable", "This is being changed by others; try again.");
}
