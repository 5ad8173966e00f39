// How often a property of a Worker is tried: often enough in `npm test` to notice a mistake in a rule, and 20 times as often in the long form.
import { env } from "cloudflare:workers";

const { TEST_RUNS } = env as unknown as { TEST_RUNS: number };

/** The `numRuns` of a property that takes long. @param inShort how many runs `npm test` has */
export function runs(inShort: number): { readonly numRuns: number } {
  return { numRuns: inShort * TEST_RUNS };
}
