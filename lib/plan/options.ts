/**
 * What the user may change of a plan, and whether it fits the dockerfiles.
 *
 * @module
 */

import type { BasePolicy } from "../base_image.ts";
import type { BootstrapOptions } from "../base_options.ts";
import { KrunnerError, UsageError } from "../errors.ts";
import { type DistroData, PACKAGE_DATA } from "../package_data.ts";
import { inPackage, type Target } from "../package_dir.ts";
import type { SourceRow } from "../sources.ts";
import { declaredArgs } from "./build_args.ts";
import type { Draft } from "./drafts.ts";
import { checkImagePrefix, imageName } from "./image_names.ts";

/** What the user may change of a plan. */
export interface PlanOptions extends BootstrapOptions {
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** Stands in for the base image of `krunner.json`. */
  readonly baseImage?: string | undefined;
  /** Where the base image may come from. */
  readonly base: BasePolicy;
  /** A folder with all sources; nothing is downloaded then. */
  readonly sources?: string | undefined;
  /** A folder of wheels that stands in for the wheels stage. */
  readonly wheelhouse?: string | undefined;
  /** Build arguments of the user's own. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** The first part of the images' names. */
  readonly imagePrefix: string;
  /** Which of the alternatives of `krunner.json` to take, from 0; 0 by default. */
  readonly alternative?: number;
  /** The rows of the source lock file; the project's own by default. */
  readonly rows?: readonly SourceRow[];
}

/** Build arguments that an option of their own sets. */
const OPTION_OF_ARG: ReadonlyMap<string, string> = new Map([
  ["ARCH", "--arch"],
  ["BASE_IMAGE", "--base-image"],
  ["IMAGE_PREFIX", "--image-prefix"],
]);

/**
 * Build arguments of `krunner.json` that follow from the rest of a plan would
 * contradict it.
 *
 * @throws {KrunnerError} If there is one.
 */
export function checkData(target: Target, { args }: DistroData): void {
  for (const [name, option] of OPTION_OF_ARG) {
    if (!Object.hasOwn(args, name)) continue;
    throw new KrunnerError(
      `Cannot use "${
        inPackage(target, PACKAGE_DATA)
      }": the build argument "${name}" of "${target.distroVersion}" must fit the rest of the plan; remove it and give ${
        name === "BASE_IMAGE" ? 'the image as "base"' : `"${option}"`
      }`,
    );
  }
}

/**
 * Options that no dockerfile would notice are mistakes.
 *
 * @throws {UsageError} If there is one.
 */
export function checkOptions(
  { distroVersion }: Target,
  { stages }: Draft,
  { buildArgs, baseImage, wheelhouse, imagePrefix }: PlanOptions,
): void {
  checkImagePrefix(imagePrefix);
  const declared = declaredArgs(stages);
  const list = [...declared].sort().join(", ") || "none";
  for (const name of Object.keys(buildArgs)) {
    const option = OPTION_OF_ARG.get(name);
    if (option !== undefined) {
      throw new UsageError(
        `Cannot use "--build-arg ${name}=…": it must fit the rest of the plan; give "${option}" instead`,
      );
    }
    if (declared.has(name)) continue;
    throw new UsageError(
      `Cannot use "--build-arg ${name}=…": no dockerfile of "${distroVersion}" declares it; they declare ${list}`,
    );
  }
  if (baseImage !== undefined && !declared.has("BASE_IMAGE")) {
    throw new UsageError(
      `Cannot use "--base-image ${baseImage}": no dockerfile of "${distroVersion}" has "ARG BASE_IMAGE"`,
    );
  }
  const wheels = imageName(imagePrefix, "wheels", distroVersion);
  if (
    wheelhouse !== undefined &&
    !stages.some(({ file }) => file.images.includes(wheels))
  ) {
    throw new UsageError(
      `Cannot use "--wheelhouse ${wheelhouse}": no dockerfile of "${distroVersion}" takes wheels from the image "${wheels}"`,
    );
  }
}
