// How a sweep goes through what is due.
import { log } from "./logger.ts";

/**
 * Works on each item, `concurrency` at a time, and counts those that `work` says yes to. One that throws is logged and is the next
 * sweep's; the others are worked on all the same.
 */
export async function countDone<T>(
  items: readonly T[],
  { concurrency, idOf }: { readonly concurrency: number; readonly idOf: (item: T) => string },
  work: (item: T) => Promise<boolean>,
): Promise<number> {
  const queue = items.values();
  let done = 0;
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      try {
        if (await work(item)) done += 1;
      } catch (error) {
        log("warn", "left to the next sweep", { id: idOf(item), error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  return done;
}
