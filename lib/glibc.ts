/**
 * The C library of an image, from the image itself.
 *
 * @module
 */

import { type Engine, sealed, type SealedContainer } from "./engine.ts";
import { KrunnerError } from "./errors.ts";

/**
 * The version of glibc in an image, `major.minor`, as its `getconf` says;
 * `undefined` where it has another C library, or no `getconf`.
 *
 * @throws {CancelledError} If the run was cancelled.
 */
export async function askGlibc(
  engine: Engine,
  asked: SealedContainer,
): Promise<string | undefined> {
  try {
    const { image } = asked;
    const answer = await engine.run([
      "run",
      "--rm",
      ...sealed(asked),
      "--entrypoint",
      "getconf",
      image,
      "GNU_LIBC_VERSION",
    ], `ask "${image}" for its glibc`);
    return /^glibc (\d+\.\d+)/.exec(answer)?.[1];
  } catch (error) {
    engine.throwIfCancelled();
    if (error instanceof KrunnerError) return undefined;
    throw error;
  }
}
