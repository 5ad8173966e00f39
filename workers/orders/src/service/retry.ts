// Writes over what was read, decided again when it changed meanwhile.
import { StaleWrite } from "#shared/database";
import { MAX_STALE_RETRIES } from "../constants.ts";

/** Reads, decides and writes, again for each write that came between. @throws StaleWrite when there is no end to them. */
export async function retryStale<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StaleWrite) || tries === MAX_STALE_RETRIES) throw error;
    }
  }
}
