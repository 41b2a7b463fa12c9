/**
 * Fills docker volumes with krunner archives as the agent does, but safely; lists
 * and removes them, and opens a shell with one mounted.
 *
 * ```sh
 * deno run -A volume.ts load debian12
 * deno run -A volume.ts shell debian12
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
import { KrunnerError, UsageError } from "./lib/errors.ts";
import {
  ARCH_OPTION,
  ARCHES,
  cacheFolder,
  DIR_OPTION,
  dryRunOption,
  ENGINE_OPTION,
  ENGINES,
  EXTRACTOR_OPTION,
  oneOf,
  QUIET_OPTION,
} from "./lib/options.ts";
import type { PackageDir } from "./lib/package_dir.ts";
import type { Scratch } from "./lib/scratch.ts";
import { runWithSignals } from "./lib/signals.ts";
import { parseCommandName, rejectForeignOptions } from "./lib/subcommands.ts";
import { typedName } from "./lib/typed.ts";
import type { AgentVolume } from "./lib/volumes.ts";

const OPTIONS = {
  all: { type: "boolean", help: "load: every distro version that is found" },
  dir: DIR_OPTION,
  arch: {
    ...ARCH_OPTION,
    help: "x86_64 or aarch64 (default: this machine's; remove: all)",
  },
  replace: {
    type: "boolean",
    help:
      "load: replace a volume that has other content, if no container\nhas it",
  },
  image: {
    type: "string",
    value: "REF",
    help: "shell: the image (default: the base image of the distro version)",
  },
  extractor: EXTRACTOR_OPTION,
  engine: ENGINE_OPTION,
  "dry-run": dryRunOption(
    "load, remove: tell what would be done and change nothing",
  ),
  json: {
    type: "boolean",
    help: "load, list: print one JSON document a line for each volume",
  },
  quiet: QUIET_OPTION,
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Keeps the volumes backendai-krunner.v{N}.{arch}.{distro-version} of an engine.",
  usage: [
    "volume.ts load <distro-version>... | --all  [--replace] [--dry-run] [options]",
    "volume.ts list [options]",
    "volume.ts remove <distro-version or name>...  [--dry-run] [options]",
    "volume.ts shell <distro-version> [--image REF] [options] [-- <command>...]",
  ],
  commands: {
    load:
      "Fill the volume that an agent will use. It appears complete or not\nat all, whatever is interrupted",
    list: "Tell which there are, who has them, and what they hold",
    remove: "Remove volumes that no container has",
    shell: "Run a command in a container that has one mounted",
  },
  options: OPTIONS,
  examples: {
    "deno run -A volume.ts load debian12":
      "Fill the volume that was built last",
    "deno run -A volume.ts list": "What an agent here would use",
    "deno run -A volume.ts shell debian12 -- /opt/backend.ai/bin/python -s":
      "Its Python in the bare image",
    "deno run -A volume.ts shell debian12 --image python:3.11":
      "A shell in a user's image",
    "deno run -A volume.ts remove debian12": "All versions of one",
  },
  exitCodes: {
    "0": "Done; shell: the command's own exit code",
    "1": "Something could not be done",
    "2": "Wrong usage",
    "129, 130, 143":
      "Stopped by SIGHUP, Ctrl-C or SIGTERM; nothing is left behind",
  },
};

type Options = OptionValues<typeof OPTIONS>;

const COMMANDS = ["load", "list", "remove", "shell"] as const;

/** What volume.ts can do. */
export type CommandName = typeof COMMANDS[number];

/** What the command line asks for. */
export interface VolumeCommand {
  /** What is to be done. */
  readonly kind: CommandName;
  /** Distro versions; of `remove` also names of volumes. */
  readonly names: readonly string[];
  /** load: all distro versions instead. */
  readonly all: boolean;
  /** The package directory. */
  readonly dir: string | undefined;
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string | undefined;
  /** load: whether to replace other content. */
  readonly replace: boolean;
  /** shell: the image. */
  readonly image: string | undefined;
  /** shell: the program and its arguments. */
  readonly command: readonly string[];
  /** The extractor's image. */
  readonly extractor: string | undefined;
  /** The engine. */
  readonly engine: EngineName;
  /** Whether to change nothing. */
  readonly dryRun: boolean;
  /** Whether to print JSON. */
  readonly json: boolean;
  /** Whether to print errors only. */
  readonly quiet: boolean;
}

/** The options that not every command takes. */
const COMMAND_OPTIONS: Partial<
  Record<keyof Options, readonly CommandName[]>
> = {
  all: ["load"],
  replace: ["load"],
  image: ["shell"],
  "dry-run": ["load", "remove"],
  json: ["load", "list"],
  extractor: ["load", "list"],
};

/**
 * Parses the command line.
 *
 * @throws {UsageError} If something in it is unknown or does not fit the rest.
 */
export async function parseVolumeArgs(
  args: readonly string[],
): Promise<VolumeCommand | CommonRequest> {
  const end = args.indexOf("--");
  const { options, operands, asked } = await parseOptions(
    end < 0 ? args : args.slice(0, end),
    OPTIONS,
  );
  if (asked !== undefined) return asked;
  const [word, ...names] = operands;
  const kind = await parseCommandName(word, COMMANDS);
  rejectForeignOptions(options, COMMAND_OPTIONS, kind);
  const command = end < 0 ? [] : args.slice(end + 1);
  if (command.length > 0 && kind !== "shell") {
    throw new UsageError(
      `Cannot use "-- ${
        command.join(" ")
      }" with "${kind}": only "shell" runs a command`,
    );
  }
  rejectNames(kind, names, options.all);
  return {
    kind,
    names,
    all: options.all,
    dir: options.dir,
    arch: oneOf("arch", ARCHES, options.arch),
    replace: options.replace,
    image: options.image,
    command,
    extractor: options.extractor,
    engine: oneOf("engine", ENGINES, options.engine) ??
      "docker",
    dryRun: options["dry-run"],
    json: options.json,
    quiet: options.quiet,
  };
}

function rejectNames(
  kind: CommandName,
  names: readonly string[],
  all: boolean,
): void {
  if (kind === "list" && names.length > 0) {
    throw new UsageError(
      `Cannot use "${names.join(" ")}": "list" takes no names`,
    );
  }
  if (kind === "shell" && names.length !== 1) {
    throw new UsageError(
      names.length === 0
        ? 'No distro version given: "shell" needs one'
        : `Cannot use "${
          names.slice(1).join(" ")
        }": "shell" takes one distro version; put a command behind "--"`,
    );
  }
  if (kind === "remove" && names.length === 0 && !all) {
    throw new UsageError(
      'No volume given: name distro versions or volumes; see "volume.ts list"',
    );
  }
}

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {KrunnerError} If it fails.
 */
export async function main(args: readonly string[]): Promise<number> {
  const command = await parseVolumeArgs(args);
  if (typeof command === "string") {
    return await answerCommon(command, HELP, typedName("volume"));
  }
  return await runWithSignals((signal) => run(command, signal));
}

/** Carries a command out and returns the exit code. */
async function run(
  command: VolumeCommand,
  signal: AbortSignal,
): Promise<number> {
  const [{ Engine }, { Scratch }] = await Promise.all([
    import("./lib/engine.ts"),
    import("./lib/scratch.ts"),
  ]);
  // Names are looked up first: what is wrong with them needs no engine.
  const packages = command.kind === "remove" ? [] : await openAll(command);
  const engine = new Engine(command.engine, signal);
  await using scratch = await Scratch.open(
    engine,
    cacheFolder(Deno.env.get),
    Deno.pid,
  );
  switch (command.kind) {
    case "load":
      return await load(command, packages, scratch, signal);
    case "list":
      return await list(command, packages, scratch);
    case "remove":
      return await remove(command, scratch);
    case "shell":
      return await shell(command, packages, scratch, signal);
    default:
      return command.kind satisfies never;
  }
}

/** The package directories, which must know the names of the command. */
async function openAll(
  { kind, dir, names, all }: VolumeCommand,
): Promise<PackageDir[]> {
  const { openPackages, projectRoot, selectTargets } = await import(
    "./lib/package_dir.ts"
  );
  const packages = await openPackages(
    dir,
    projectRoot(import.meta.dirname ?? ".", Deno.cwd()),
    { readOnly: true },
  );
  selectTargets(packages, names, { all: all || kind === "list" });
  return packages;
}

async function load(
  { names, all, arch, replace, dryRun, json, quiet, extractor }: VolumeCommand,
  packages: readonly PackageDir[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<number> {
  const [
    { loadVolume },
    { selectTargets },
    { doEach },
    { EXTRACTOR_ADVICE, provideExtractor },
    { renderLoad },
  ] = await Promise.all([
    import("./lib/volume_load.ts"),
    import("./lib/package_dir.ts"),
    import("./lib/results.ts"),
    import("./lib/verify/extractor.ts"),
    import("./lib/volume_list.ts"),
  ]);
  const found = await provideExtractor(scratch.engine, extractor);
  if ("missing" in found) {
    throw new KrunnerError(
      `Cannot fill a volume: ${found.missing}; ${EXTRACTOR_ADVICE}`,
    );
  }
  return await doEach(
    selectTargets(packages, names, { all }),
    async (target) => {
      const result = await loadVolume(scratch, {
        target,
        arch: arch ?? Deno.build.arch,
        image: found.image,
        replace,
        dryRun,
        cache: cacheFolder(Deno.env.get),
        pid: Deno.pid,
        signal,
      });
      if (json) console.log(JSON.stringify({ ...result, dryRun }));
      else if (!quiet) console.log(renderLoad(result, dryRun));
    },
  );
}

async function list(
  { arch, json, quiet, extractor }: VolumeCommand,
  packages: readonly PackageDir[],
  scratch: Scratch,
): Promise<number> {
  const [
    { inspectVolumes, renderVolumes },
    { selectTargets },
    { EXTRACTOR_ADVICE, provideExtractor },
  ] = await Promise.all([
    import("./lib/volume_list.ts"),
    import("./lib/package_dir.ts"),
    import("./lib/verify/extractor.ts"),
  ]);
  const found = await provideExtractor(scratch.engine, extractor);
  if ("missing" in found) {
    console.error(
      `Contents are not looked at: ${found.missing}; ${EXTRACTOR_ADVICE}`,
    );
  }
  const targets = selectTargets(packages, [], { all: true });
  const image = "missing" in found ? undefined : found.image;
  const volumes = (await inspectVolumes(scratch, targets, image))
    .filter((volume) => arch === undefined || volume.arch === arch);
  if (json) {
    for (const volume of volumes) console.log(JSON.stringify(volume));
  } else if (!quiet) {
    console.log(renderVolumes(volumes) || "There are none");
  }
  return 0;
}

async function remove(
  { names, arch, dryRun, quiet }: VolumeCommand,
  { engine }: Scratch,
): Promise<number> {
  const { findVolumes, removeVolume, requireUnused } = await import(
    "./lib/volumes.ts"
  );
  const known = (await findVolumes(engine))
    .filter((volume) => arch === undefined || volume.arch === arch);
  const chosen = await selectVolumes(known, names);
  // All or none: a volume in use keeps the others too.
  for (const { name } of chosen) await requireUnused(engine, name);
  for (const { name } of chosen) {
    if (!dryRun) await removeVolume(engine, name);
    if (!quiet) console.log(`${name}: ${dryRun ? "would be " : ""}removed`);
  }
  return 0;
}

/** The volumes that names stand for: a distro version for all of its versions. */
async function selectVolumes(
  known: readonly AgentVolume[],
  names: readonly string[],
): Promise<AgentVolume[]> {
  for (const word of names) {
    const words = known.flatMap(({ name, distroVersion }) => [
      distroVersion,
      name,
    ]);
    if (words.includes(word)) continue;
    throw new UsageError(
      `Unknown volume "${word}"${
        await suggestion(word, words) ||
        (known.length === 0 ? ": there are none" : '; see "volume.ts list"')
      }`,
    );
  }
  return known.filter(({ name, distroVersion }) =>
    names.includes(name) || names.includes(distroVersion)
  );
}

async function shell(
  { names, arch = Deno.build.arch, image, command }: VolumeCommand,
  packages: readonly PackageDir[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<number> {
  const [{ findShellTrial, runShell }, { selectTargets }] = await Promise.all([
    import("./lib/volume_shell.ts"),
    import("./lib/package_dir.ts"),
  ]);
  const [target] = selectTargets(packages, names, { all: false });
  if (target === undefined) throw new TypeError("no target was selected");
  const trial = await findShellTrial(scratch.engine, target, arch, image);
  return await runShell(scratch, {
    ...trial,
    command,
    terminal: Deno.stdin.isTerminal() && Deno.stdout.isTerminal(),
    signal,
  });
}

if (import.meta.main) await runMain(main);
