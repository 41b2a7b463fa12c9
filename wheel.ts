/**
 * Makes the Python wheels and the sdist of a krunner package, without Python.
 *
 * ```sh
 * deno run -A wheel.ts debian
 * ```
 *
 * @module
 */

import {
  answerCommon,
  COMMON_OPTIONS,
  type CommonRequest,
  type Help,
  type OptionSpecs,
  parseOptions,
  runMain,
} from "./lib/cli.ts";
import { UsageError } from "./lib/errors.ts";
import {
  ARCHES,
  ARCHES_OPTION,
  cacheFolder,
  DIR_OPTION,
  dryRunOption,
  jsonOption,
  oneOf,
  QUIET_OPTION,
} from "./lib/options.ts";
import type { PackageDir } from "./lib/package_dir.ts";
import { runWithSignals } from "./lib/signals.ts";
import { typedName } from "./lib/typed.ts";
import type { Distribution, WheelOptions } from "./lib/wheel/make.ts";
import { parseWheelOptions, WHEEL_OPTIONS } from "./lib/wheel/options.ts";
import type { PlanOptions } from "./lib/wheel/plan.ts";

export type { Distribution, PackageDir, PlanOptions, WheelOptions };

const OPTIONS = {
  all: { type: "boolean", help: "Make the packages of every family" },
  dir: DIR_OPTION,
  arch: {
    ...ARCHES_OPTION,
    help:
      "Make a wheel for x86_64 or aarch64; may be repeated (default: each\none that was built)",
  },
  ...WHEEL_OPTIONS,
  "dry-run": dryRunOption(
    "Check everything, list the files with their sizes, write nothing",
  ),
  json: jsonOption("file"),
  quiet: QUIET_OPTION,
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Makes the wheels and the sdist of krunner packages: what versions.txt promises,\none wheel for each arch.",
  usage: [
    "wheel.ts [options] [family]...",
    "wheel.ts [options] --dir DIR",
    "wheel.ts [options] --all",
  ],
  options: OPTIONS,
  examples: {
    "deno run -A wheel.ts debian": "The wheels of all arches, and the sdist",
    "deno run -A wheel.ts debian --arch x86_64 --dry-run":
      "What would go into one wheel, and how large it is",
    "deno run -A wheel.ts --dir src/ai/backend/krunner/ubuntu":
      "In a checkout of a krunner package",
  },
  exitCodes: {
    "0": "All files are written",
    "1": "A package could not be made; its files are as they were",
    "2": "Wrong usage",
    "129, 130, 143":
      "Stopped by SIGHUP, Ctrl-C or SIGTERM; nothing is left behind",
  },
};

/** A command line of `wheel.ts`. */
export interface WheelCommand {
  /** Families; may be empty where there is only one. */
  readonly families: readonly string[];
  /** Whether all families are meant. */
  readonly all: boolean;
  /** The package directory; every one below the root by default. */
  readonly dir: string | undefined;
  /** The arches to make wheels for; those that were built where it is empty. */
  readonly arches: readonly string[];
  /** The folder for the files. */
  readonly out: string;
  /** The largest size of a file, in bytes. */
  readonly maxSize: number;
  /** Whether to write nothing. */
  readonly dryRun: boolean;
  /** Whether results are JSON documents. */
  readonly json: boolean;
  /** Whether to print errors only. */
  readonly quiet: boolean;
}

/**
 * Parses the command line.
 *
 * @throws {UsageError} If an option is unknown or its value is not possible.
 */
export async function parseWheelArgs(
  args: readonly string[],
): Promise<WheelCommand | CommonRequest> {
  const { options, operands, asked } = await parseOptions(args, OPTIONS);
  if (asked !== undefined) return asked;
  if (options.all && operands.length > 0) {
    throw new UsageError(
      `Cannot combine "--all" with "${
        operands.join(" ")
      }": give either families or "--all"`,
    );
  }
  return {
    families: operands,
    all: options.all,
    dir: options.dir,
    arches: options.arch.map((arch) => oneOf("arch", ARCHES, arch)!),
    ...await parseWheelOptions(options),
    dryRun: options["dry-run"],
    json: options.json,
    quiet: options.quiet,
  };
}

/** The package directories that a command line names. */
async function selectPackages(
  { dir, families, all }: WheelCommand,
): Promise<PackageDir[]> {
  const [{ openPackages, projectRoot }, { selectFamilies }] = await Promise
    .all([import("./lib/package_dir.ts"), import("./lib/families.ts")]);
  const packages = await openPackages(
    dir,
    projectRoot(import.meta.dirname ?? ".", Deno.cwd()),
    { readOnly: true },
  );
  return all ? packages : await selectFamilies(packages, families);
}

async function makeAll(
  command: WheelCommand,
  signal: AbortSignal,
): Promise<number> {
  const [
    { parseEpoch },
    { doEach },
    { makeWheels },
    { renderDistribution },
  ] = await Promise.all([
    import("./lib/archive_time.ts"),
    import("./lib/results.ts"),
    import("./lib/wheel/make.ts"),
    import("./lib/wheel/report.ts"),
  ]);
  const { arches, out, maxSize, dryRun, json, quiet } = command;
  const packages = await selectPackages(command);
  const epoch = parseEpoch(Deno.env.get("SOURCE_DATE_EPOCH"));
  return await doEach(packages, async (pkg) => {
    const made = await makeWheels(pkg, {
      arches,
      out,
      maxSize,
      dryRun,
      epoch,
      signal,
      cache: cacheFolder(Deno.env.get),
      pid: Deno.pid,
      onNotice: (line) => {
        if (!quiet) console.error(`${pkg.family}: ${line}`);
      },
    });
    for (const distribution of made) {
      if (json) console.log(JSON.stringify({ ...distribution, dryRun }));
      else if (!quiet) console.log(renderDistribution(distribution, dryRun));
    }
  });
}

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {KrunnerError} If it fails.
 */
export async function main(args: readonly string[]): Promise<number> {
  const command = await parseWheelArgs(args);
  if (typeof command === "string") {
    return await answerCommon(command, HELP, typedName("wheel"));
  }
  return await runWithSignals((signal) => makeAll(command, signal));
}

if (import.meta.main) await runMain(main);
