/**
 * Options that several scripts take, and what their values may be.
 *
 * @module
 */

import type { OptionSpec, OptionSpecs } from "./cli.ts";
import { UsageError } from "./errors.ts";
import type { Verbosity } from "./progress.ts";

/** `--dir`. */
export const DIR_OPTION = {
  type: "string",
  value: "DIR",
  help:
    "The package directory (default: the one that you are in, else\nthose in src/ai/backend/krunner of the checkout around you,\nelse those in dockerfiles/)",
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

/** `--arch`. */
export const ARCH_OPTION = {
  type: "string",
  value: "ARCH",
  values: ARCHES,
  help: "x86_64 or aarch64 (default: this machine's)",
} as const satisfies OptionSpec;

/** What `--base` may be. */
export const BASES = ["auto", "registry", "bootstrap"] as const;

/** `--arch` of what is made for several at once. */
export const ARCHES_OPTION = {
  ...ARCH_OPTION,
  type: "collect",
  help: "x86_64 or aarch64; may be repeated (default: both)",
} as const satisfies OptionSpec;

/** `--base`. */
export const BASE_OPTION = {
  type: "string",
  value: "HOW",
  values: BASES,
  help:
    "Where a base image may come from: auto (the engine, a registry,\nelse debootstrap), registry or bootstrap (default: auto)",
} as const satisfies OptionSpec;

/** `--image-prefix`. */
export const IMAGE_PREFIX_OPTION = {
  type: "string",
  value: "PREFIX",
  help: "First part of image names (default: lablup/backendai-krunner)",
} as const satisfies OptionSpec;

/** `--mirror`. */
export const MIRROR_OPTION = {
  type: "string",
  value: "URL",
  help: "Bootstrap from this archive (default: debootstrap's own)",
} as const satisfies OptionSpec;

/** `--keyring`. */
export const KEYRING_OPTION = {
  type: "string",
  value: "FILE",
  help:
    "Check the archive's signature with this keyring (default: the one of\nkrunner.json, else debootstrap's own)",
} as const satisfies OptionSpec;

/** `--json`; `each` is what has a document of its own: `file`. */
export function jsonOption(each: string) {
  return {
    type: "boolean",
    help: `Print one JSON document a line for each ${each}`,
  } as const satisfies OptionSpec;
}

/** `--dry-run`; `help` says what it prints. */
export function dryRunOption(help: string) {
  return { type: "boolean", alias: "n", help } as const satisfies OptionSpec;
}

/** What `--jobs` is where it is not given. */
export const DEFAULT_JOBS = 2;

/** `--jobs`; `many` is what is built side by side: `arches`. */
export function jobsOption(many: string) {
  return {
    type: "string",
    alias: "j",
    value: "N",
    help: `Build up to N ${many} side by side (default: ${DEFAULT_JOBS})`,
  } as const satisfies OptionSpec;
}

/** `--quiet`. */
export const QUIET_OPTION = {
  type: "boolean",
  alias: "q",
  help: "Print nothing but errors",
} as const satisfies OptionSpec;

/** What scripts that build say, and how. */
export const OUTPUT_OPTIONS = {
  json: jsonOption("distro version"),
  quiet: QUIET_OPTION,
  verbose: { type: "boolean", alias: "v", help: "Show the builder's output" },
} as const satisfies OptionSpecs;

/** `--extractor`. */
export const EXTRACTOR_OPTION = {
  type: "string",
  value: "REF",
  help:
    "An image with BusyBox to extract with (default: made of this\nmachine's BusyBox)",
} as const satisfies OptionSpec;

/** What `--network` may be: the words that every builder knows. */
export const NETWORKS = ["default", "host", "none"] as const;

/** `--network`. */
export const NETWORK_OPTION = {
  type: "string",
  value: "MODE",
  values: NETWORKS,
  help:
    "What the steps of a build reach: default (the engine's choice), host\nor none (proves that nothing is needed from outside)",
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
 * What `--quiet` and `--verbose` say.
 *
 * @throws {UsageError} If both are given.
 */
export function verbosityOf(
  { quiet, verbose }: { readonly quiet: boolean; readonly verbose: boolean },
): Verbosity {
  if (quiet && verbose) {
    throw new UsageError(
      'Cannot combine "--quiet" with "--verbose": leave one out',
    );
  }
  return quiet ? "quiet" : verbose ? "verbose" : "normal";
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
 * The folder of `--sources`, else that of the variable `KRUNNER_SOURCES`.
 *
 * @param env Gets an environment variable.
 */
export function sourcesFolder(
  given: string | undefined,
  env: (name: "KRUNNER_SOURCES") => string | undefined,
): string | undefined {
  return given ?? (env("KRUNNER_SOURCES") || undefined);
}

/**
 * The value of an option that is a whole number from 1 to 9999.
 *
 * @param fallback What it is where the option is not given.
 * @param what What to give, for the error.
 * @throws {UsageError} If it is anything else.
 */
export function wholeNumber(
  name: string,
  text: string | undefined,
  fallback: number,
  what = "a whole number",
): number {
  if (text === undefined) return fallback;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new UsageError(
    `Cannot use "--${name}=${text}": give ${what} from 1 to 9999`,
  );
}
