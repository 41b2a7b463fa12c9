/**
 * Writing to an open file to the last byte.
 *
 * @module
 */

import { fileError } from "./errors.ts";

/**
 * Writes all of `bytes`, where a single write may take a part only.
 *
 * @param path The file's path, for the message.
 * @throws {KrunnerError} If the system refuses.
 */
export async function writeAll(
  file: Deno.FsFile,
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
