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

/** Maps in order of the list, at most `jobs` at once. */
export async function inParallel<T, R>(
  list: readonly T[],
  jobs: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = list.entries();
  await Promise.all(
    Array.from({ length: Math.min(jobs, list.length) }, async () => {
      for (const [index, item] of queue) results[index] = await map(item);
    }),
  );
  return results;
}
