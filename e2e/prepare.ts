// Runs before the first e2e file: makes the bundles and the seeded data that the shops copy, so that no two files make them at once.
import { makeScratch } from "../scripts/local/scratch.ts";

export default async function prepare(): Promise<void> {
  (await makeScratch({}, { seed: true })).remove();
}
