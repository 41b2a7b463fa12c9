/**
 * What a release is told by its command line and by the system around it.
 *
 * @module
 */

import type { BuildHost, BuildOptions } from "../build_all.ts";
import type { DestinationOptions, Env } from "./destination.ts";

/** A command line of `release.ts`. */
export interface ReleaseOptions extends
  DestinationOptions,
  Pick<
    BuildOptions,
    "base" | "mirror" | "keyring" | "sources" | "network" | "engine" | "jobs"
  > {
  /** The family; may be left out where there is only one. */
  readonly family: string | undefined;
  /** The package directory; every one below the root by default. */
  readonly dir: string | undefined;
  /** The arches to release, sorted. */
  readonly arches: readonly string[];
  /** The folder for wheels and sdist. */
  readonly out: string;
  /** The largest size that the package index takes, in bytes. */
  readonly maxSize: number;
  /** The branch that a release is made from; the default one where it is not given. */
  readonly branch: string | undefined;
  /** The tag's name, in place of the usual one. */
  readonly tag: string | undefined;
  /** Whether nothing is uploaded. */
  readonly skipPublish: boolean;
  /** How long the index may take to show a file, in milliseconds. */
  readonly wait: number;
  /** Whether to print what would be done, and do nothing. */
  readonly dryRun: boolean;
  /** Whether to go on with an unfinished release. */
  readonly resume: boolean;
  /** Whether not to ask. */
  readonly yes: boolean;
  /** The command line itself, without `--resume`, for what is to be run again. */
  readonly args: readonly string[];
}

/** What a release takes from the system around it. */
export interface ReleaseHost extends Omit<BuildHost, "onResult"> {
  /** The working directory. */
  readonly cwd: string;
  /** Gets an environment variable. */
  readonly env: Env;
  /** Milliseconds since 1970. */
  readonly date: () => number;
  /** Milliseconds on a steady clock. */
  readonly now: () => number;
  /** Asks a yes-or-no question; `undefined` where there is no terminal to ask on. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
  /** Gets results. */
  readonly log: (text: string) => void;
  /** Gets everything else. */
  readonly note: (text: string) => void;
}
