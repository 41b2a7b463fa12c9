/**
 * Collects everything that builds need into one folder, so that a host without a
 * network builds from it.
 *
 * ```sh
 * deno run -A sources.ts --to DIR debian12
 * deno run -A build.ts --sources DIR debian12    # there
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
import { UsageError } from "./lib/errors.ts";
import {
  dryRunOption,
  ENGINE_OPTION,
  OUTPUT_OPTIONS,
  verbosityOf,
} from "./lib/options.ts";
import { runWithSignals } from "./lib/signals.ts";
import { typedName } from "./lib/typed.ts";
import type {
  CollectOptions,
  CollectResult,
} from "./lib/collect/collect_all.ts";

export type { CollectOptions, CollectResult };

const OPTIONS = {
  to: {
    type: "string",
    value: "DIR",
    help: "The folder to collect into; made where it is missing",
  },
  all: {
    type: "boolean",
    help: "Collect for every distro version that is found",
  },
  ...BASE_OPTIONS,
  ...STAGE_OPTIONS,
  force: {
    type: "boolean",
    alias: "f",
    help:
      "Collect what is there and right, too: images may have changed\nunder the same name",
  },
  engine: ENGINE_OPTION,
  "dry-run": dryRunOption("Print what would be collected and do nothing"),
  ...OUTPUT_OPTIONS,
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    'Collects what builds need into one folder: sources, wheels, the base image and the\nimage of the toolchain, with SHA256SUMS. A host without a network builds from it\nwith "build.ts --sources DIR".',
  usage: [
    "sources.ts [options] --to DIR <distro-version>...",
    "sources.ts [options] --to DIR --all",
  ],
  options: OPTIONS,
  examples: {
    "deno run -A sources.ts --to /media/krunner debian12 debian13":
      "Collect for two distro versions",
    "deno run -A sources.ts --to /media/krunner --all --dry-run":
      "See what would be collected",
    "cd /media/krunner && sha256sum --check SHA256SUMS":
      "Check a folder after it was carried elsewhere",
    "deno run -A build.ts --sources /media/krunner --network none debian12":
      "Build from it, with proof that nothing else is needed",
  },
  exitCodes: {
    "0": "The folder has all of it",
    "1": "Something could not be collected",
    "2": "Wrong usage",
    "129, 130, 143":
      "Stopped by SIGHUP, Ctrl-C or SIGTERM; the folder is as it was",
  },
};

/**
 * Parses the command line.
 *
 * @throws {UsageError} If an option is unknown or its value is not possible, or
 * `--to` is missing.
 */
export async function parseSourcesArgs(
  args: readonly string[],
): Promise<CollectOptions | CommonRequest> {
  const { options, operands, asked } = await parseOptions(args, OPTIONS);
  if (asked !== undefined) return asked;
  if (options.to === undefined) {
    throw new UsageError(
      'No folder given: say with "--to DIR" where to collect',
    );
  }
  return {
    names: operands,
    all: options.all,
    to: options.to,
    ...parseStageOptions(options),
    force: options.force,
    dryRun: options["dry-run"],
    json: options.json,
    verbosity: verbosityOf(options),
  };
}

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {KrunnerError} If it fails.
 */
export async function main(args: readonly string[]): Promise<number> {
  const options = await parseSourcesArgs(args);
  if (typeof options === "string") {
    return await answerCommon(options, HELP, typedName("sources"));
  }
  return await runWithSignals((signal) => runCollect(options, signal));
}

async function runCollect(
  options: CollectOptions,
  signal: AbortSignal,
): Promise<number> {
  const [
    { collectAll, renderResult, resultToJson },
    { scriptHost },
    { showResults },
  ] = await Promise.all([
    import("./lib/collect/collect_all.ts"),
    import("./lib/script_host.ts"),
    import("./lib/results.ts"),
  ]);
  return await showResults(
    (events) =>
      collectAll(options, {
        ...scriptHost(import.meta.dirname, signal),
        ...events,
      }),
    { render: renderResult, toJson: resultToJson },
    options,
    Deno.env.get("TERM"),
  );
}

if (import.meta.main) await runMain(main);
