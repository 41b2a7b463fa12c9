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
  help:
    "The package directory (default: each folder in dockerfiles/ beside\nthis script)",
} as const satisfies OptionSpec;

/** `--engine`. */
export const ENGINE_OPTION = {
  type: "string",
  value: "NAME",
  help: "docker, podman or nerdctl (default: docker)",
} as const satisfies OptionSpec;

/** `--extractor`. */
export const EXTRACTOR_OPTION = {
  type: "string",
  value: "REF",
  help:
    "An image with BusyBox to extract with (default: made of this\nmachine's BusyBox)",
} as const satisfies OptionSpec;

/** What `--arch` may be: what volumes are made for. */
export const ARCHES = ["x86_64", "aarch64"] as const;

/** What `--engine` may be. */
export const ENGINES = ["docker", "podman", "nerdctl"] as const;

/** `--network`. */
export const NETWORK_OPTION = {
  type: "string",
  value: "MODE",
  help:
    "What the steps of a build reach: default (the engine's choice), host\nor none (proves that nothing is needed from outside)",
} as const satisfies OptionSpec;

/** What `--network` may be: the words that every builder knows. */
export const NETWORKS = ["default", "host", "none"] as const;

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

/**
 * The value of `--jobs`.
 *
 * @throws {UsageError} If it is no whole number from 1 to 9999.
 */
export function parseJobs(text: string | undefined): number {
  if (text === undefined) return 2;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new UsageError(
    `Cannot use "--jobs=${text}": give a whole number from 1 to 9999`,
  );
}
