// Decisions that another request can overtake.
import { StaleWrite } from "#shared/database";
import { MAX_STALE_RETRIES } from "../constants.ts";

/** Reads, decides and writes; again when the write was stale. @throws StaleWrite after `attempts` runs. */
export async function retryOnStale<T>(
  decide: () => Promise<T>,
  { attempts = MAX_STALE_RETRIES }: { readonly attempts?: number } = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await decide();
    } catch (error) {
      if (!(error instanceof StaleWrite) || attempt === attempts) throw error;
    }
  }
}
