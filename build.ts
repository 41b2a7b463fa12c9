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
  type OptionValues,
  parseOptions,
  runMain,
} from "./lib/cli.ts";
import {
  ARCH_OPTION,
  ARCHES,
  BASE_IMAGE_OPTION,
  BASE_OPTION,
  BASES,
  BUILD_ARG_OPTION,
  cacheFolder,
  DIR_OPTION,
  dryRunOption,
  ENGINE_OPTION,
  ENGINES,
  IMAGE_PREFIX_OPTION,
  jobsOption,
  KEYRING_OPTION,
  MIRROR_OPTION,
  NETWORK_OPTION,
  NETWORKS,
  NO_CACHE_OPTION,
  oneOf,
  OUTPUT_OPTIONS,
  parseBuildArguments,
  verbosityOf,
  wholeNumber,
} from "./lib/options.ts";
import { runWithSignals } from "./lib/signals.ts";
import { typedName } from "./lib/typed.ts";
import type { BuildOptions, BuildResult } from "./lib/build_all.ts";

export type { BuildOptions, BuildResult };

const OPTIONS = {
  all: { type: "boolean", help: "Build every distro version that is found" },
  dir: DIR_OPTION,
  arch: ARCH_OPTION,
  base: BASE_OPTION,
  "base-image": BASE_IMAGE_OPTION,
  mirror: MIRROR_OPTION,
  keyring: KEYRING_OPTION,
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
  "build-arg": BUILD_ARG_OPTION,
  "image-prefix": IMAGE_PREFIX_OPTION,
  network: NETWORK_OPTION,
  "no-cache": NO_CACHE_OPTION,
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
    "Builds krunner volumes from dockerfiles: krunner-env.{distro-version}.{arch}.tar.xz,\nits version files and its manifest.",
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
    dryRun: options["dry-run"],
    force: options.force,
    noCache: options["no-cache"],
    verify: !options["no-verify"],
    json: options.json,
    verbosity: verbosityOf(options),
    jobs: wholeNumber("jobs", options.jobs, 2),
    arch: oneOf("arch", ARCHES, options.arch) ??
      Deno.build.arch,
    base: oneOf("base", BASES, options.base) ?? "auto",
    engine: oneOf("engine", ENGINES, options.engine) ??
      "docker",
    network: oneOf("network", NETWORKS, options.network),
    buildArgs: parseBuildArguments(options["build-arg"]),
    ...definedPaths(options),
  };
}

/** Options that are handed on as they are, where they are given. */
function definedPaths(options: OptionValues<typeof OPTIONS>) {
  return {
    dir: options.dir,
    mirror: options.mirror,
    keyring: options.keyring,
    sources: options.sources,
    wheelhouse: options.wheelhouse,
    baseImage: options["base-image"],
    imagePrefix: options["image-prefix"],
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
    { projectRoot },
    { progressOnStderr },
    { showResults },
  ] = await Promise.all([
    import("./lib/build_all.ts"),
    import("./lib/package_dir.ts"),
    import("./lib/progress.ts"),
    import("./lib/results.ts"),
  ]);
  using progress = progressOnStderr(options.verbosity, Deno.env.get("TERM"));
  const sources = options.sources ?? (Deno.env.get("KRUNNER_SOURCES") ||
    undefined);
  const results = await buildAll({ ...options, sources }, {
    root: projectRoot(import.meta.dirname ?? ".", Deno.cwd()),
    cache: cacheFolder(Deno.env.get),
    sourceDateEpoch: Deno.env.get("SOURCE_DATE_EPOCH"),
    pid: Deno.pid,
    processors: navigator.hardwareConcurrency,
    signal,
    progress,
    onResult: (result) => {
      if (options.json) console.log(JSON.stringify(resultToJson(result)));
    },
  });
  progress[Symbol.dispose]();
  return showResults(results, renderResult, options);
}

if (import.meta.main) await runMain(main);
