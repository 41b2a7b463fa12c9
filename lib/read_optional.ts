/**
 * Files that may be missing.
 *
 * @module
 */

import { fileError, isMissing } from "./errors.ts";

/**
 * A file's text, `undefined` where there is no such file.
 *
 * @throws {KrunnerError} If it is there and cannot be read.
 */
export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError("read", path, error);
  }
}
