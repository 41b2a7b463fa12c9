/**
 * Locks that the operating system lets go of when their process ends, however it
 * ends.
 *
 * @module
 */

import { fileError, KrunnerError } from "./errors.ts";
import { pause } from "./pause.ts";

/** Milliseconds between two looks at a lock, or a lock file, of another's. */
const LOOK_AGAIN = 100;

/** How often a lock file is read before its holder counts as unknown. */
const LOOKS = 10;

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
  const file = await tryLock(path);
  if (file === undefined) throw new KrunnerError(busy(await readHolder(path)));
  try {
    await file.truncate();
    await file.write(new TextEncoder().encode(`${pid}\n`));
  } catch (error) {
    file.close();
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}

/** A process that has just taken the lock takes a moment to sign the file. */
async function readHolder(path: string): Promise<string> {
  for (let look = 0; look < LOOKS; look++) {
    await pause(LOOK_AGAIN);
    const holder = (await Deno.readTextFile(path)).trim();
    if (holder !== "") return holder;
  }
  return "unknown";
}

/**
 * Takes the lock file at `path`, and waits while another process, or another part
 * of this one, holds it.
 *
 * @param onWait Called once, if there is something to wait for.
 * @throws {KrunnerError} If it cannot be written to.
 * @throws The signal's reason, if it is aborted meanwhile.
 */
export async function waitForLock(
  path: string,
  onWait: () => void,
  signal?: AbortSignal,
): Promise<Disposable> {
  let file = await tryLock(path);
  if (file === undefined) onWait();
  // The system's own waiting could not be cancelled.
  while (file === undefined) {
    await pause(LOOK_AGAIN, signal);
    file = await tryLock(path);
  }
  return file;
}

/**
 * The lock file at `path` with the lock on it; `undefined` where another process,
 * or another part of this one, holds that.
 *
 * @throws {KrunnerError} If it cannot be written to.
 */
export async function tryLock(path: string): Promise<Deno.FsFile | undefined> {
  const file = await Deno.open(path, {
    read: true,
    write: true,
    create: true,
  }).catch((error) => {
    throw fileError("write", path, error);
  });
  try {
    if (await file.tryLock(true)) return file;
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}
