// Before the first e2e file: the bundles and the seeded data that every one of them copies, so that no two make them at once.
import { makeScratch } from "../scripts/local/scratch.ts";

export default async function prepare(): Promise<void> {
  (await makeScratch({}, { seed: true })).remove();
}
