/**
 * The C library of an image, from the image itself.
 *
 * @module
 */

import type { Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";

/** Which image is asked. */
export interface GlibcQuestion {
  /** Its name. */
  readonly image: string;
  /** `key=value` of the label that the container gets; the caller removes it. */
  readonly label: string;
  /** The docker platform, where it is not the engine's own. */
  readonly platform?: string | undefined;
}

/**
 * The version of glibc in an image, `major.minor`, as its `getconf` says;
 * `undefined` where it has another C library, or no `getconf`.
 *
 * @throws {CancelledError} If the run was cancelled.
 */
export async function askGlibc(
  engine: Engine,
  { image, label, platform }: GlibcQuestion,
): Promise<string | undefined> {
  try {
    const container = await engine.create([
      "--network",
      "none",
      "--label",
      label,
      ...platform === undefined ? [] : ["--platform", platform],
      "--entrypoint",
      "getconf",
      image,
      "GNU_LIBC_VERSION",
    ], image);
    const answer = await engine.start(
      container,
      `ask "${image}" for its glibc`,
    );
    return /^glibc (\d+\.\d+)/.exec(answer)?.[1];
  } catch (error) {
    engine.throwIfCancelled();
    if (error instanceof KrunnerError) return undefined;
    throw error;
  }
}
