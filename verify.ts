/**
 * Judges krunner volumes: whether an archive is what an agent expects, is safe to
 * extract, needs nothing from outside and works in a bare image; and tells what
 * changed between two of them.
 *
 * ```sh
 * deno run -A verify.ts debian12
 * deno run -A verify.ts diff old.tar.xz new.tar.xz
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
import type { EngineName } from "./lib/engine.ts";
import { UsageError } from "./lib/errors.ts";
import {
  ARCH_OPTION,
  ARCHES,
  cacheFolder,
  DIR_OPTION,
  ENGINE_OPTION,
  ENGINES,
  EXTRACTOR_OPTION,
  jsonOption,
  oneOf,
  QUIET_OPTION,
} from "./lib/options.ts";
import { runWithSignals } from "./lib/signals.ts";
import { rejectOptions } from "./lib/subcommands.ts";
import { typedName } from "./lib/typed.ts";

export type { EngineName };

const OPTIONS = {
  all: { type: "boolean", help: "Judge every distro version that is found" },
  dir: DIR_OPTION,
  arch: {
    ...ARCH_OPTION,
    help: "x86_64 or aarch64, for distro versions (default: this machine's)",
  },
  image: {
    type: "collect",
    value: "REF",
    help: "Try the volume in this image too; may be repeated",
  },
  "base-image": {
    type: "string",
    value: "REF",
    help:
      "The bare image of the distro version (default: that of krunner.json)",
  },
  extractor: EXTRACTOR_OPTION,
  engine: ENGINE_OPTION,
  "no-engine": {
    type: "boolean",
    help: "Do only the checks that need no container engine",
  },
  files: { type: "boolean", help: "diff: list every file, not folders only" },
  "exit-code": {
    type: "boolean",
    help: "diff: exit with 1 if the archives differ",
  },
  json: jsonOption("volume; diff: one"),
  quiet: { ...QUIET_OPTION, help: "Print findings and errors only" },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

type Options = OptionValues<typeof OPTIONS>;

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Judges krunner volumes: contract, safety, linkage, and how they do in containers.",
  usage: [
    "verify.ts [options] <distro-version or archive>...",
    "verify.ts [options] --all",
    "verify.ts diff [--files] [--exit-code] [options] <old> <new>",
  ],
  commands: {
    diff:
      "Tell what changed between two volumes, each an archive, its manifest\nor a distro version",
  },
  options: OPTIONS,
  examples: {
    "deno run -A verify.ts debian12": "Judge the volume that was built last",
    "deno run -A verify.ts --no-engine /srv/krunner/*.tar.xz":
      "Judge archives that lie anywhere, without containers",
    "deno run -A verify.ts debian12 --image python:3.11 --image cuda:12":
      "In user images too",
    "deno run -A verify.ts diff old/krunner-env.debian12.x86_64.tar.xz debian12":
      "What changed since",
  },
  exitCodes: {
    "0": "Nothing is wrong; diff: the volumes were compared",
    "1":
      "Something is wrong with a volume, or it could not be judged;\ndiff --exit-code: the archives differ",
    "2": "Wrong usage",
    "129, 130, 143":
      "Stopped by SIGHUP, Ctrl-C or SIGTERM; nothing is left behind",
  },
};

/** What both commands look volumes up by. */
export interface Lookup {
  /** The package directory. */
  dir: string | undefined;
  /** As Python's `platform.machine()` says it on Linux. */
  arch: string;
  /** Whether to print JSON. */
  json: boolean;
  /** Whether to print only what is wrong. */
  quiet: boolean;
}

/** Judge volumes. */
export interface JudgeCommand extends Lookup {
  /** Tells the commands apart. */
  kind: "judge";
  /** Distro versions and archives. */
  words: string[];
  /** All distro versions instead. */
  all: boolean;
  /** The engine; `undefined` for no checks in containers. */
  engine: EngineName | undefined;
  /** User images. */
  images: string[];
  /** The bare image. */
  baseImage: string | undefined;
  /** The extractor's image. */
  extractor: string | undefined;
}

/** Compare two volumes. */
export interface DiffCommand extends Lookup {
  /** Tells the commands apart. */
  kind: "diff";
  /** The two words for the volumes. */
  words: [string, string];
  /** Whether to list every file. */
  files: boolean;
  /** Whether a difference is a failure. */
  exitCode: boolean;
}

/** What is to be done. */
export type Command = JudgeCommand | DiffCommand;

/**
 * Parses the command line.
 *
 * @throws {UsageError} If an option is unknown, its value is not possible, or it
 * does not go with the others.
 */
export async function parseVerifyArgs(
  args: readonly string[],
): Promise<Command | CommonRequest> {
  const { options, operands, asked } = await parseOptions(args, OPTIONS);
  if (asked !== undefined) return asked;
  const lookup = {
    dir: options.dir,
    arch: oneOf("arch", ARCHES, options.arch) ??
      Deno.build.arch,
    json: options.json,
    quiet: options.quiet,
  };
  return operands[0] === "diff"
    ? { ...lookup, ...parseDiff(options, operands.slice(1)) }
    : { ...lookup, ...parseJudge(options, operands) };
}

/** Options that only one of the commands has. */
const DIFF_ONLY = ["files", "exit-code"] as const;
const JUDGE_ONLY = [
  "all",
  "image",
  "base-image",
  "extractor",
  "engine",
  "no-engine",
] as const;

function parseDiff(
  options: Options,
  words: readonly string[],
): Omit<DiffCommand, keyof Lookup> {
  rejectOptions(options, JUDGE_ONLY, 'with "diff": leave it out');
  const [old, fresh, ...others] = words;
  if (old === undefined || fresh === undefined || others.length > 0) {
    throw new UsageError(
      `Cannot compare ${words.length} volumes: give two, the old and the new one`,
    );
  }
  return {
    kind: "diff",
    words: [old, fresh],
    files: options.files,
    exitCode: options["exit-code"],
  };
}

function parseJudge(
  options: Options,
  words: string[],
): Omit<JudgeCommand, keyof Lookup> {
  rejectOptions(options, DIFF_ONLY, 'without "diff": leave it out');
  if (options["no-engine"]) {
    rejectOptions(
      options,
      ["image", "base-image", "extractor", "engine"],
      'with "--no-engine": leave one out',
    );
  }
  return {
    kind: "judge",
    words,
    all: options.all,
    engine: options["no-engine"]
      ? undefined
      : oneOf("engine", ENGINES, options.engine) ?? "docker",
    images: options.image,
    baseImage: options["base-image"],
    extractor: options.extractor,
  };
}

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {KrunnerError} If it fails.
 */
export async function main(args: readonly string[]): Promise<number> {
  const command = await parseVerifyArgs(args);
  if (typeof command === "string") {
    return await answerCommon(command, HELP, typedName("verify"));
  }
  switch (command.kind) {
    case "judge":
      return await runWithSignals((signal) => judge(command, signal));
    case "diff":
      return await runWithSignals((signal) => diff(command, signal));
    default:
      return command satisfies never;
  }
}

/** Where package directories are. */
async function findRoot(): Promise<string> {
  const { projectRoot } = await import("./lib/package_dir.ts");
  return projectRoot(import.meta.dirname ?? ".", Deno.cwd());
}

async function judge(
  command: JudgeCommand,
  signal: AbortSignal,
): Promise<number> {
  const [{ verifyAll }, report] = await Promise.all([
    import("./lib/verify/verify_all.ts"),
    import("./lib/verify/report.ts"),
  ]);
  const outcomes = await verifyAll({ ...command, root: await findRoot() }, {
    signal,
    openContainers: await containersOf(command, signal),
    onOutcome: (outcome) => {
      const { out, err } = report.renderOutcome(outcome, command);
      if (out !== "") console.log(out);
      if (err !== "") console.error(err);
    },
  });
  return outcomes.every(report.isGood) ? 0 : 1;
}

/** What starts the checks in containers for one volume. */
async function containersOf(
  { engine, baseImage, images, extractor }: JudgeCommand,
  signal: AbortSignal,
) {
  if (engine === undefined) return undefined;
  const { containersOn } = await import("./lib/verify/open_in_engine.ts");
  const cache = cacheFolder(Deno.env.get);
  return containersOn(
    engine,
    { cache, pid: Deno.pid, extractor, baseImage, images },
    signal,
  );
}

async function diff(
  command: DiffCommand,
  signal: AbortSignal,
): Promise<number> {
  const [{ findSubjects, requireArchive }, { diffVolumes }, { renderDiff }] =
    await Promise.all([
      import("./lib/verify/subjects.ts"),
      import("./lib/verify/diff.ts"),
      import("./lib/verify/diff_report.ts"),
    ]);
  const place = { ...command, root: await findRoot() };
  const [old, fresh] = await findSubjects(command.words, place, { all: false });
  if (old === undefined || fresh === undefined) throw new TypeError("no pair");
  await Promise.all([requireArchive(old), requireArchive(fresh)]);
  const result = await diffVolumes(old.archive, fresh.archive, signal);
  if (command.json) console.log(JSON.stringify(result));
  else if (!command.quiet) console.log(renderDiff(result, command));
  const differ = result.old.sha256 !== result.new.sha256;
  return command.exitCode && differ ? 1 : 0;
}

if (import.meta.main) await runMain(main);
