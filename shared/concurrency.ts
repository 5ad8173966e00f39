// Work on many items, a bounded number at a time.

/**
 * Applies `work` to each item, at most `concurrency` at a time. Results are in the order of the items. The first failure rejects;
 * work that has begun by then goes on, and no new work begins.
 */
export async function mapConcurrent<T, R>(
  items: readonly T[],
  { concurrency }: { readonly concurrency: number },
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (hasFailed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  return results;
}
