/**
 * Options that several scripts take, and what their values may be.
 *
 * @module
 */

import type { OptionSpec } from "./cli.ts";
import { UsageError } from "./errors.ts";

/** `--dir`. */
export const DIR_OPTION = {
  type: "string",
  value: "DIR",
  help: "The package directory (default: each folder in dockerfiles/)",
} as const satisfies OptionSpec;

/** What `--arch` may be: what volumes are made for. */
export const ARCHES = ["x86_64", "aarch64"] as const;

/** What `--engine` may be. */
export const ENGINES = ["docker", "podman", "nerdctl"] as const;

/** `--engine`. */
export const ENGINE_OPTION = {
  type: "string",
  value: "NAME",
  values: ENGINES,
  help: "docker, podman or nerdctl (default: docker)",
} as const satisfies OptionSpec;

/** `--extractor`. */
export const EXTRACTOR_OPTION = {
  type: "string",
  value: "REF",
  help:
    "An image with BusyBox to extract with (default: made of this\nmachine's BusyBox)",
} as const satisfies OptionSpec;

/**
 * The value of an option that must be one of some words; `undefined` where the
 * option is not given.
 *
 * @throws {UsageError} If it is another word.
 */
export function oneOf<const T extends string>(
  name: string,
  allowed: readonly T[],
  value: string | undefined,
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value);
  if (found !== undefined) return found;
  throw new UsageError(
    `Cannot use "--${name}=${value}": give one of ${allowed.join(", ")}`,
  );
}

/**
 * The folder for downloads and locks: `krunner` in the user's cache folder.
 *
 * @param env Gets an environment variable.
 */
export function cacheFolder(
  env: (name: "HOME" | "XDG_CACHE_HOME") => string | undefined,
): string {
  const caches = env("XDG_CACHE_HOME") || `${env("HOME") || "/root"}/.cache`;
  return `${caches}/krunner`;
}
