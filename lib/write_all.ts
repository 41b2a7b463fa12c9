/**
 * Writing to an open file to the last byte, where a single write may take a part
 * only.
 *
 * @module
 */

import { fileError } from "./errors.ts";

/**
 * Writes all of `bytes`.
 *
 * @param path The file's path, or what it is, for the message.
 * @throws {KrunnerError} If the system refuses.
 */
export async function writeAll(
  file: Pick<Deno.FsFile, "write">,
  bytes: Uint8Array,
  path: string,
): Promise<void> {
  try {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await file.write(rest));
    }
  } catch (error) {
    throw fileError("write", path, error);
  }
}

/**
 * As {@linkcode writeAll}, at once: a copy within memory, mostly, which takes less
 * time than a trip to another thread, and nothing else is written in between.
 *
 * @throws {KrunnerError} If the system refuses.
 */
export function writeAllSync(
  file: Pick<Deno.FsFile, "writeSync">,
  bytes: Uint8Array,
  path: string,
): void {
  try {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(file.writeSync(rest));
    }
  } catch (error) {
    throw fileError("write", path, error);
  }
}
