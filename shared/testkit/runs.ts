// How often a property of a Worker is tried: `npm test` tries it often enough to notice a mistake in a rule, `npm run test:chaos` at length.
import { env } from "cloudflare:workers";

const { TEST_RUNS } = env as unknown as { TEST_RUNS: number };

/** The `numRuns` of a property that takes long. @param inShort how many runs `npm test` has */
export function runs(inShort: number): { readonly numRuns: number } {
  return { numRuns: inShort * TEST_RUNS };
}
