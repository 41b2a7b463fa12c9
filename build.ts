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
  COMMON_OPTIONS,
  type Help,
  krunnerVersion,
  type OptionSpecs,
  type OptionValues,
  parseOptions,
  renderHelp,
  runMain,
} from "./lib/cli.ts";
import { UsageError } from "./lib/errors.ts";
import {
  ARCHES,
  cacheFolder,
  DIR_OPTION,
  ENGINE_OPTION,
  ENGINES,
  oneOf,
} from "./lib/options.ts";
import { runWithSignals } from "./lib/signals.ts";
import { typedName } from "./lib/typed.ts";
import type { BuildOptions, BuildResult } from "./lib/build_all.ts";

export type { BuildOptions, BuildResult };

/** What `--base` may be. */
const BASES = ["auto", "registry", "bootstrap"] as const;

const OPTIONS = {
  all: { type: "boolean", help: "Build every distro version that is found" },
  dir: DIR_OPTION,
  arch: {
    type: "string",
    value: "ARCH",
    values: ARCHES,
    help: "x86_64 or aarch64 (default: this machine's)",
  },
  base: {
    type: "string",
    value: "HOW",
    values: BASES,
    help:
      "Where a base image may come from: auto (the engine, a registry,\nelse debootstrap), registry or bootstrap (default: auto)",
  },
  "base-image": {
    type: "string",
    value: "REF",
    help: "Use this base image in place of the one in krunner.json",
  },
  sources: {
    type: "string",
    value: "DIR",
    help: "Take sources from this folder and download nothing",
  },
  wheelhouse: {
    type: "string",
    value: "DIR",
    help: "Take wheels from this folder in place of the wheels stage",
  },
  "build-arg": {
    type: "collect",
    value: "K=V",
    help: "Set a build argument of the dockerfiles; may be repeated",
  },
  "image-prefix": {
    type: "string",
    value: "PREFIX",
    help: "First part of image names (default: lablup/backendai-krunner)",
  },
  "no-cache": { type: "boolean", help: "Ignore cached image layers" },
  "no-verify": {
    type: "boolean",
    help: "Keep a new volume without judging it; see verify.ts",
  },
  force: { type: "boolean", alias: "f", help: "Build what is up to date too" },
  jobs: {
    type: "string",
    alias: "j",
    value: "N",
    help: "Build up to N distro versions side by side (default: 2)",
  },
  engine: ENGINE_OPTION,
  "dry-run": {
    type: "boolean",
    alias: "n",
    help: "Print the plan and do nothing",
  },
  json: {
    type: "boolean",
    help: "Print one JSON document a line for each distro version",
  },
  quiet: { type: "boolean", alias: "q", help: "Show errors only" },
  verbose: { type: "boolean", alias: "v", help: "Show the builder's output" },
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
): Promise<BuildOptions | "help" | "version"> {
  const { options, operands } = await parseOptions(args, OPTIONS);
  if (options.help) return "help";
  if (options.version) return "version";
  if (options.quiet && options.verbose) {
    throw new UsageError(
      'Cannot combine "--quiet" with "--verbose": leave one out',
    );
  }
  return {
    names: operands,
    all: options.all,
    dryRun: options["dry-run"],
    force: options.force,
    noCache: options["no-cache"],
    verify: !options["no-verify"],
    json: options.json,
    verbosity: options.quiet ? "quiet" : options.verbose ? "verbose" : "normal",
    jobs: parseJobs(options.jobs),
    arch: oneOf("arch", ARCHES, options.arch) ??
      Deno.build.arch,
    base: oneOf("base", BASES, options.base) ??
      "auto",
    engine: oneOf("engine", ENGINES, options.engine) ??
      "docker",
    buildArgs: parseBuildArguments(options["build-arg"]),
    ...definedPaths(options),
  };
}

/** Options that are handed on as they are, where they are given. */
function definedPaths(options: OptionValues<typeof OPTIONS>) {
  return {
    dir: options.dir,
    sources: options.sources,
    wheelhouse: options.wheelhouse,
    baseImage: options["base-image"],
    imagePrefix: options["image-prefix"],
  };
}

function parseJobs(text: string | undefined): number {
  if (text === undefined) return 2;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new UsageError(
    `Cannot use "--jobs=${text}": give a whole number from 1 to 9999`,
  );
}

function parseBuildArguments(pairs: readonly string[]): Record<string, string> {
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

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {KrunnerError} If it fails.
 */
export async function main(args: readonly string[]): Promise<number> {
  const options = await parseBuildArgs(args);
  if (options === "help") {
    console.log(renderHelp(HELP));
    return 0;
  }
  if (options === "version") {
    console.log(`${typedName("build")} ${await krunnerVersion()}`);
    return 0;
  }
  return await runWithSignals((signal) => runBuilds(options, signal));
}

async function runBuilds(
  options: BuildOptions,
  signal: AbortSignal,
): Promise<number> {
  const [
    { buildAll, renderFailure, renderResult, resultToJson },
    { projectRoot },
    { Progress },
  ] = await Promise.all([
    import("./lib/build_all.ts"),
    import("./lib/package_dir.ts"),
    import("./lib/progress.ts"),
  ]);
  const encoder = new TextEncoder();
  const isLive = Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb";
  using progress = new Progress({
    write: (text) => Deno.stderr.writeSync(encoder.encode(text)),
    columns: () => isLive ? Deno.consoleSize().columns : undefined,
    now: () => performance.now(),
    verbosity: options.verbosity,
  });
  const results = await buildAll(options, {
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
  const failures = results.filter((result) => result.status === "failed");
  for (const failure of failures) console.error(renderFailure(failure));
  if (!options.json && options.verbosity !== "quiet") {
    for (const result of results) console.log(renderResult(result));
  }
  return failures.length === 0 ? 0 : 1;
}

if (import.meta.main) await runMain(main);
