/**
 * Builds krunner volumes: dockerfiles in, archives, version files and manifests
 * out.
 *
 * ```sh
 * deno run -A build.ts debian12
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
import {
  BASE_OPTIONS,
  parseStageOptions,
  STAGE_OPTIONS,
} from "./lib/build_options.ts";
import {
  DEFAULT_JOBS,
  dryRunOption,
  ENGINE_OPTION,
  jobsOption,
  OUTPUT_OPTIONS,
  sourcesFolder,
  verbosityOf,
  wholeNumber,
} from "./lib/options.ts";
import { runWithSignals } from "./lib/signals.ts";
import { typedName } from "./lib/typed.ts";
import type { BuildOptions, BuildResult } from "./lib/build_all.ts";

export type { BuildOptions, BuildResult };

const OPTIONS = {
  all: { type: "boolean", help: "Build every distro version that is found" },
  ...BASE_OPTIONS,
  sources: {
    type: "string",
    value: "DIR",
    help:
      "Take sources from this folder and download nothing; also wheels\nand images, if sources.ts collected them there (default: the\nvariable KRUNNER_SOURCES, if it is set)",
  },
  wheelhouse: {
    type: "string",
    value: "DIR",
    help: "Take wheels from this folder in place of the wheels stage",
  },
  ...STAGE_OPTIONS,
  "no-verify": {
    type: "boolean",
    help: "Keep a new volume without judging it; see verify.ts",
  },
  force: { type: "boolean", alias: "f", help: "Build what is up to date too" },
  jobs: jobsOption("distro versions"),
  engine: ENGINE_OPTION,
  "dry-run": dryRunOption("Print the plan and do nothing"),
  ...OUTPUT_OPTIONS,
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Builds krunner volumes from dockerfiles: krunner-env.{distro-version}.{arch}.tar.xz,\nits version files, its manifest and its SPDX document.",
  usage: ["build.ts [options] <distro-version>...", "build.ts [options] --all"],
  options: OPTIONS,
  examples: {
    "deno run -A build.ts debian12": "Build one volume",
    "deno run -A build.ts --all --dry-run": "See what a build would do",
    "deno run -A build.ts ubuntu18.04 --dir src/ai/backend/krunner/ubuntu":
      "Build in a checkout of a krunner package",
  },
  exitCodes: {
    "0": "Everything is built, or was up to date",
    "1": "A build failed",
    "2": "Wrong usage",
    "129, 130, 143":
      "Stopped by SIGHUP, Ctrl-C or SIGTERM; nothing is left behind",
  },
};

/**
 * Parses the command line of a build.
 *
 * @throws {UsageError} If an option is unknown or its value is not possible.
 */
export async function parseBuildArgs(
  args: readonly string[],
): Promise<BuildOptions | CommonRequest> {
  const { options, operands, asked } = await parseOptions(args, OPTIONS);
  if (asked !== undefined) return asked;
  return {
    names: operands,
    all: options.all,
    sources: options.sources,
    wheelhouse: options.wheelhouse,
    dryRun: options["dry-run"],
    force: options.force,
    verify: !options["no-verify"],
    json: options.json,
    verbosity: verbosityOf(options),
    jobs: wholeNumber("jobs", options.jobs, DEFAULT_JOBS),
    ...parseStageOptions(options),
  };
}

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {KrunnerError} If it fails.
 */
export async function main(args: readonly string[]): Promise<number> {
  const options = await parseBuildArgs(args);
  if (typeof options === "string") {
    return await answerCommon(options, HELP, typedName("build"));
  }
  return await runWithSignals((signal) => runBuilds(options, signal));
}

async function runBuilds(
  options: BuildOptions,
  signal: AbortSignal,
): Promise<number> {
  const [
    { buildAll, renderResult, resultToJson },
    { scriptHost },
    { showResults },
  ] = await Promise.all([
    import("./lib/build_all.ts"),
    import("./lib/script_host.ts"),
    import("./lib/results.ts"),
  ]);
  const sources = sourcesFolder(options.sources, Deno.env.get);
  return await showResults(
    (events) =>
      buildAll({ ...options, sources }, {
        ...scriptHost(import.meta.dirname, signal),
        sourceDateEpoch: Deno.env.get("SOURCE_DATE_EPOCH"),
        ...events,
      }),
    { render: renderResult, toJson: resultToJson },
    options,
    Deno.env.get("TERM"),
  );
}

if (import.meta.main) await runMain(main);
