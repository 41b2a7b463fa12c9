/**
 * Names of the images that stages make.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { type Stage, STAGES, type Target } from "../package_dir.ts";

/** The prefix of image names that upstream's dockerfiles are written with. */
export const DEFAULT_IMAGE_PREFIX = "lablup/backendai-krunner";

/** The name of the image that a stage makes. */
export function imageName(
  prefix: string,
  stage: Stage,
  distroVersion: string,
): string {
  return `${prefix}-${stage}:${distroVersion}`;
}

/**
 * The stage of this distro version whose image `reference` names.
 *
 * @throws {UsageError} If the dockerfile names it with the usual prefix and the
 * user wants another one.
 */
export function stageOfImage(
  reference: string,
  { distroVersion }: Target,
  prefix: string,
): Stage | undefined {
  for (const stage of STAGES) {
    if (reference === imageName(prefix, stage, distroVersion)) return stage;
    if (
      reference === imageName(DEFAULT_IMAGE_PREFIX, stage, distroVersion)
    ) {
      throw new UsageError(
        `Cannot use "--image-prefix=${prefix}": a dockerfile of "${distroVersion}" names the image "${reference}"; write \${IMAGE_PREFIX} there, or leave the option out`,
      );
    }
  }
  return undefined;
}

/** An image's name without a tag, with the registry's host in front or not. */
const IMAGE_PREFIX =
  /^([\w.-]+(:\d+)?\/)?[a-z\d]+((\.|_|__|-+)[a-z\d]+)*(\/[a-z\d]+((\.|_|__|-+)[a-z\d]+)*)*$/;

/** @throws {UsageError} If no image can have the value of `--image-prefix`. */
export function checkImagePrefix(prefix: string): void {
  if (IMAGE_PREFIX.test(prefix)) return;
  throw new UsageError(
    `Cannot use "--image-prefix=${prefix}": no image can be called so; use lower-case letters and digits, with ".", "_", "-" and "/" between them`,
  );
}
