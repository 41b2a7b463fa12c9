/**
 * Work side by side.
 *
 * @module
 */

/** Calls `make` at the first call only. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => made ??= make();
}

/**
 * As `Promise.all()`, but when it fails nothing is under way any more: it waits for
 * all of them, and throws what the first of the list that failed throws.
 */
export async function allEnded<const T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

/**
 * Maps in order of the list, at most `jobs` at once. After a failure no further one
 * is begun, and those under way are waited for.
 */
export async function inParallel<T, R>(
  list: readonly T[],
  jobs: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = list.entries();
  let hasFailed = false;
  const work = async () => {
    for (const [index, item] of queue) {
      if (hasFailed) return;
      try {
        results[index] = await map(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await allEnded(
    Array.from({ length: Math.min(jobs, list.length) }, work),
  );
  return results;
}
