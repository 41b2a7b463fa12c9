/**
 * Temporary folders for large things: what a killed run leaves there is removed by
 * the next one.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import { tryLock } from "./lock.ts";

/** A folder that removes itself. */
export interface Workshop extends AsyncDisposable {
  /** Its path. Of the names in it, `lock` is taken. */
  readonly path: string;
}

/**
 * Makes a folder among the system's temporary ones, and removes those that have
 * the same prefix and nobody at work in them.
 *
 * @throws {KrunnerError} If it cannot be locked.
 */
export async function openWorkshop(prefix: string): Promise<Workshop> {
  const path = await Deno.makeTempDir({ prefix });
  const lock = await lockNew(path);
  // Another one took it for a leftover before it was locked.
  if (lock === undefined) return await openWorkshop(prefix);
  const parent = path.slice(0, path.lastIndexOf("/"));
  for await (const { name } of Deno.readDir(parent)) {
    if (name.startsWith(prefix)) await removeLeftover(`${parent}/${name}`);
  }
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await Deno.remove(path, { recursive: true });
      lock[Symbol.dispose]();
    },
  };
}

async function lockNew(path: string): Promise<Disposable | undefined> {
  const lockFile = `${path}/lock`;
  const lock = await tryLock(lockFile).catch((error) => {
    if (!(error instanceof KrunnerError)) throw error;
    return undefined;
  });
  if (await Deno.stat(lockFile).then(() => true, () => false)) return lock;
  lock?.[Symbol.dispose]();
  return undefined;
}

/** It may vanish at any time, and another user's is none of ours. */
async function removeLeftover(path: string): Promise<void> {
  try {
    using lock = await tryLock(`${path}/lock`);
    if (lock !== undefined) await Deno.remove(path, { recursive: true });
  } catch {
    // The next one tries again.
  }
}
