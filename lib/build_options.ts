/**
 * Options of the scripts that plan the stages of volumes, `build.ts` and
 * `sources.ts`.
 *
 * @module
 */

import type { BuildOptions } from "./build_all.ts";
import type { OptionSpecs, OptionValues } from "./cli.ts";
import { UsageError } from "./errors.ts";
import {
  ARCH_OPTION,
  ARCHES,
  BASE_OPTION,
  BASES,
  DIR_OPTION,
  type ENGINE_OPTION,
  ENGINES,
  IMAGE_PREFIX_OPTION,
  KEYRING_OPTION,
  MIRROR_OPTION,
  NETWORK_OPTION,
  NETWORKS,
  oneOf,
} from "./options.ts";

/** What is built, and on which base image. */
export const BASE_OPTIONS = {
  dir: DIR_OPTION,
  arch: ARCH_OPTION,
  base: BASE_OPTION,
  "base-image": {
    type: "string",
    value: "REF",
    help: "Use this base image in place of the one in krunner.json",
  },
  mirror: MIRROR_OPTION,
  keyring: KEYRING_OPTION,
} as const satisfies OptionSpecs;

/** How the stages are built. */
export const STAGE_OPTIONS = {
  "build-arg": {
    type: "collect",
    value: "K=V",
    help: "Set a build argument of the dockerfiles; may be repeated",
  },
  "image-prefix": IMAGE_PREFIX_OPTION,
  network: NETWORK_OPTION,
  "no-cache": { type: "boolean", help: "Ignore cached image layers" },
} as const satisfies OptionSpecs;

/** What a plan of stages takes from the command line. */
export type StageOptions = Pick<
  BuildOptions,
  | "dir"
  | "arch"
  | "base"
  | "baseImage"
  | "mirror"
  | "keyring"
  | "buildArgs"
  | "imagePrefix"
  | "network"
  | "noCache"
  | "engine"
>;

/**
 * What {@linkcode BASE_OPTIONS}, {@linkcode STAGE_OPTIONS} and `--engine` say.
 *
 * @throws {UsageError} If a value is not possible.
 */
export function parseStageOptions(
  options: OptionValues<
    typeof BASE_OPTIONS & typeof STAGE_OPTIONS & {
      engine: typeof ENGINE_OPTION;
    }
  >,
): StageOptions {
  return {
    dir: options.dir,
    arch: oneOf("arch", ARCHES, options.arch) ?? Deno.build.arch,
    base: oneOf("base", BASES, options.base) ?? "auto",
    baseImage: options["base-image"],
    mirror: options.mirror,
    keyring: options.keyring,
    buildArgs: parseBuildArguments(options["build-arg"]),
    imagePrefix: options["image-prefix"],
    network: oneOf("network", NETWORKS, options.network),
    noCache: options["no-cache"],
    engine: oneOf("engine", ENGINES, options.engine) ?? "docker",
  };
}

function parseBuildArguments(
  pairs: readonly string[],
): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals);
    if (equals < 1 || !/^[A-Za-z_]\w*$/.test(name)) {
      throw new UsageError(
        `Cannot use "--build-arg ${pair}": write it as NAME=VALUE`,
      );
    }
    return [name, pair.slice(equals + 1)];
  }));
}
