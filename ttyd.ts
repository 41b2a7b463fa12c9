/**
 * Builds the custom terminal for krunner volumes, a static ttyd whose pings keep
 * idle connections alive, from pinned sources; and proves a binary by its pings.
 *
 * ```sh
 * deno run -A ttyd.ts --recipe modern
 * deno run -A ttyd.ts check dockerfiles/debian/ttyd_linux.x86_64.bin
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
  suggestion,
} from "./lib/cli.ts";
import type { EngineName } from "./lib/engine.ts";
import { UsageError } from "./lib/errors.ts";
import {
  ARCHES,
  ARCHES_OPTION,
  cacheFolder,
  DEFAULT_JOBS,
  DIR_OPTION,
  dryRunOption,
  ENGINE_OPTION,
  ENGINES,
  IMAGE_PREFIX_OPTION,
  jobsOption,
  jsonOption,
  oneOf,
  OUTPUT_OPTIONS,
  sourcesFolder,
  verbosityOf,
  wholeNumber,
} from "./lib/options.ts";
import { runWithSignals } from "./lib/signals.ts";
import { rejectOptions } from "./lib/subcommands.ts";
import { typedName } from "./lib/typed.ts";
import type { TtydOptions } from "./lib/ttyd/build_all.ts";
import { RECIPES } from "./lib/ttyd/recipes.ts";

export type { TtydOptions };

const OPTIONS = {
  recipe: {
    type: "string",
    value: "NAME",
    values: RECIPES,
    help:
      "classic: ttyd 1.6.1 with libwebsockets 3.2; modern: ttyd 1.7.7 with\nlibwebsockets 4.3, from Debian's archive (default: classic)",
  },
  arch: ARCHES_OPTION,
  dir: DIR_OPTION,
  out: {
    type: "string",
    value: "DIR",
    help: "Write into this folder, made if missing, and no package directory",
  },
  sources: {
    type: "string",
    value: "DIR",
    help:
      "Take sources from this folder and download nothing (default: the\nvariable KRUNNER_SOURCES, if it is set)",
  },
  version: {
    type: "collect",
    value: "NAME=VERSION",
    help:
      "Use another version of a source; may be repeated. Without a value:\nshow krunner's version",
  },
  lock: {
    type: "string",
    value: "FILE",
    help:
      "More rows of sources, in the format of sources.json; they stand\nbefore the project's own",
  },
  tls: {
    type: "boolean",
    help: "Let ttyd serve TLS itself (a session proxy speaks plain TCP)",
  },
  "base-image": {
    type: "string",
    value: "REF",
    help: "Make the toolchain of this Debian image (default: debian:12-slim)",
  },
  "image-prefix": IMAGE_PREFIX_OPTION,
  "no-cache": {
    type: "boolean",
    help: "Ignore cached image layers, those of the toolchain too",
  },
  "no-verify": {
    type: "boolean",
    help: "Keep a new binary without running it",
  },
  jobs: jobsOption("arches"),
  limit: {
    type: "string",
    value: "SECONDS",
    help: "check: the longest silence allowed (default: 30)",
  },
  engine: ENGINE_OPTION,
  "dry-run": dryRunOption("Print the plan and do nothing"),
  ...OUTPUT_OPTIONS,
  json: jsonOption("arch or binary"),
  help: COMMON_OPTIONS.help,
} as const satisfies OptionSpecs;

type Options = OptionValues<typeof OPTIONS>;

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Builds a static ttyd from pinned sources: ttyd_linux.{arch}.bin, what it is made of\nand its licences; and proves that its pings keep idle terminals alive.",
  usage: [
    "ttyd.ts [options]",
    "ttyd.ts check [--limit SECONDS] [options] <binary>... [-- <arguments for ttyd>]",
  ],
  commands: {
    check: "Check binaries: static, arch, versions, and when pings come",
  },
  options: OPTIONS,
  examples: {
    "deno run -A ttyd.ts --recipe modern --dir dockerfiles/debian":
      "Build both arches for one family",
    "deno run -A ttyd.ts --dry-run": "See the steps, sources and hashes",
    "deno run -A ttyd.ts --sources /srv/tarballs --out /srv/ttyd":
      "Build without any network",
    "deno run -A ttyd.ts check ttyd_linux.x86_64.bin -- -P 12":
      "When do pings come with this argument?",
  },
  exitCodes: {
    "0": "Everything is built; check: nothing is wrong",
    "1":
      "A build failed; check: something is wrong, such as a silence too long",
    "2": "Wrong usage",
    "129, 130, 143":
      "Stopped by SIGHUP, Ctrl-C or SIGTERM; nothing is left behind",
  },
};

/** Build ttyd. */
export interface BuildCommand extends TtydOptions {
  /** Tells the commands apart. */
  readonly kind: "build";
}

/** Check binaries. */
export interface CheckCommand {
  /** Tells the commands apart. */
  readonly kind: "check";
  /** Their paths. */
  readonly binaries: readonly string[];
  /** The longest silence allowed, in seconds. */
  readonly limit: number;
  /** Arguments for ttyd. */
  readonly args: readonly string[];
  /** The engine. */
  readonly engine: EngineName;
  /** Whether to print JSON. */
  readonly json: boolean;
  /** Whether to print only what is wrong. */
  readonly quiet: boolean;
}

/** What is to be done. */
export type Command = BuildCommand | CheckCommand;

/**
 * Parses the command line.
 *
 * @throws {UsageError} If an option is unknown, its value is not possible, or it
 * does not go with the others.
 */
export async function parseTtydArgs(
  args: readonly string[],
): Promise<Command | CommonRequest> {
  // As in all other scripts, where it takes no value.
  if (args.length === 1 && args[0] === "--version") return "version";
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const { options, operands, asked } = await parseOptions(own, OPTIONS);
  if (asked !== undefined) return asked;
  const [command, ...words] = operands;
  if (command === "check") {
    return parseCheck(options, words, end < 0 ? [] : args.slice(end + 1));
  }
  const stranger = command ?? (end < 0 ? undefined : "--");
  if (stranger !== undefined) {
    throw new UsageError(
      `Cannot use "${stranger}": building takes no names, only options${
        await suggestion(stranger, ["check"]) ||
        `; to look at a binary write "ttyd.ts check ${stranger}"`
      }`,
    );
  }
  return parseBuild(options);
}

/** What only building takes. */
const BUILD_ONLY = [
  "recipe",
  "arch",
  "dir",
  "out",
  "sources",
  "version",
  "lock",
  "tls",
  "base-image",
  "image-prefix",
  "no-cache",
  "no-verify",
  "jobs",
  "dry-run",
  "verbose",
] as const;

function parseBuild(options: Options): BuildCommand {
  rejectOptions(options, ["limit"], 'without "check": leave it out');
  if (options.dir !== undefined && options.out !== undefined) {
    throw new UsageError('Cannot combine "--dir" with "--out": leave one out');
  }
  const arches = new Set(
    options.arch.flatMap((arch) => oneOf("arch", ARCHES, arch) ?? []),
  );
  return {
    kind: "build",
    recipe: oneOf("recipe", RECIPES, options.recipe) ?? RECIPES[0],
    arches: arches.size === 0 ? ARCHES : [...arches],
    dir: options.dir,
    out: options.out,
    sources: options.sources,
    versions: parseVersions(options.version),
    lock: options.lock,
    tls: options.tls,
    baseImage: options["base-image"],
    imagePrefix: options["image-prefix"] ?? "lablup/backendai-krunner",
    noCache: options["no-cache"],
    verify: !options["no-verify"],
    jobs: wholeNumber("jobs", options.jobs, DEFAULT_JOBS),
    engine: oneOf("engine", ENGINES, options.engine) ?? "docker",
    dryRun: options["dry-run"],
    json: options.json,
    verbosity: verbosityOf(options),
  };
}

function parseVersions(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => {
    const [, name, version] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    if (name === undefined || version === undefined) {
      throw new UsageError(
        `Cannot use "--version ${pair}": write it as NAME=VERSION, such as "--version libwebsockets=4.3.3"`,
      );
    }
    return [name, version];
  }));
}

function parseCheck(
  options: Options,
  binaries: readonly string[],
  args: readonly string[],
): CheckCommand {
  rejectOptions(options, BUILD_ONLY, 'with "check": leave it out');
  if (binaries.length === 0) {
    throw new UsageError('No binary given: write "ttyd.ts check <binary>"');
  }
  return {
    kind: "check",
    binaries,
    args,
    limit: wholeNumber("limit", options.limit, 30, "whole seconds"),
    engine: oneOf("engine", ENGINES, options.engine) ?? "docker",
    json: options.json,
    quiet: options.quiet,
  };
}

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {KrunnerError} If it fails.
 */
export async function main(args: readonly string[]): Promise<number> {
  const command = await parseTtydArgs(args);
  if (typeof command === "string") {
    return await answerCommon(command, HELP, typedName("ttyd"));
  }
  switch (command.kind) {
    case "build":
      return await runWithSignals((signal) => build(command, signal));
    case "check":
      return await runWithSignals((signal) => check(command, signal));
    default:
      return command satisfies never;
  }
}

async function build(
  command: BuildCommand,
  signal: AbortSignal,
): Promise<number> {
  const [
    { buildAllTtyd },
    { renderTtydResult, ttydResultToJson },
    { scriptHost },
    { provideRecipes },
    { showResults },
  ] = await Promise.all([
    import("./lib/ttyd/build_all.ts"),
    import("./lib/ttyd/results.ts"),
    import("./lib/script_host.ts"),
    import("./lib/own_dockerfiles.ts"),
    import("./lib/results.ts"),
  ]);
  const scriptDir = import.meta.dirname ?? ".";
  const recipes = await provideRecipes(scriptDir);
  const sources = sourcesFolder(command.sources, Deno.env.get);
  return await showResults(
    (events) =>
      buildAllTtyd({ ...command, sources }, {
        ...scriptHost(import.meta.dirname, signal),
        recipes,
        ...events,
      }),
    { render: renderTtydResult, toJson: ttydResultToJson },
    command,
    Deno.env.get("TERM"),
  );
}

async function check(
  { binaries, limit, args, engine: name, json, quiet }: CheckCommand,
  signal: AbortSignal,
): Promise<number> {
  const [{ Engine }, { checkTtyd, isGood }, { expectedOf }, results] =
    await Promise.all([
      import("./lib/engine.ts"),
      import("./lib/ttyd/check.ts"),
      import("./lib/ttyd/record.ts"),
      import("./lib/ttyd/results.ts"),
    ]);
  const engine = new Engine(name, signal);
  let good = true;
  for (const binary of binaries) {
    const result = await checkTtyd({
      binary,
      limit,
      args,
      expected: await expectedOf(binary),
    }, { engine, cache: cacheFolder(Deno.env.get), pid: Deno.pid, signal });
    good &&= isGood(result);
    if (json) console.log(JSON.stringify(results.checkToJson(result)));
    else if (!quiet || !isGood(result)) {
      console.log(results.renderCheck(result));
    }
  }
  return good ? 0 : 1;
}

if (import.meta.main) await runMain(main);
