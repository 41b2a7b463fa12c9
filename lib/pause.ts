/**
 * Waiting that a cancelled run does not sit out.
 *
 * @module
 */

/**
 * Waits, and leaves no timer behind.
 *
 * @param milliseconds How long.
 * @throws The signal's reason, as soon as it is aborted.
 */
export function pause(
  milliseconds: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
