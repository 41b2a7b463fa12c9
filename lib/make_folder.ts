/**
 * Folders to write into.
 *
 * @module
 */

import { fileError } from "./errors.ts";

/**
 * Makes a folder with all that it is in, where it is not there yet.
 *
 * @throws {KrunnerError} If it cannot be made.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError("write", path, error);
  }
}
