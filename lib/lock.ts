/**
 * Locks that the operating system lets go of when their process ends, however it
 * ends.
 *
 * @module
 */

import { fileError, KrunnerError } from "./errors.ts";

/**
 * Takes the lock file at `path`, without waiting. The file stays; only the lock on
 * it counts, so nothing is left to clean up after a kill.
 *
 * @param busy What to say if another process holds it; gets that process's id.
 * @throws {KrunnerError} If another process holds it, or it cannot be written to.
 */
export async function takeLock(
  path: string,
  pid: number,
  busy: (holder: string) => string,
): Promise<Disposable> {
  const file = await Deno.open(path, {
    read: true,
    write: true,
    create: true,
  }).catch((error) => {
    throw fileError("write", path, error);
  });
  try {
    if (!await file.tryLock(true)) {
      const holder = (await Deno.readTextFile(path)).trim();
      throw new KrunnerError(busy(holder === "" ? "unknown" : holder));
    }
    await file.truncate();
    await file.write(new TextEncoder().encode(`${pid}\n`));
  } catch (error) {
    file.close();
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}
