/**
 * Raises volume versions and package versions, shows them, and finds the bump
 * that was forgotten.
 *
 * ```sh
 * deno run -A bump.ts volume debian12
 * deno run -A bump.ts package minor
 * deno run -A bump.ts check
 * ```
 *
 * @module
 */

import {
  answerCommon,
  COMMON_OPTIONS,
  type Help,
  type OptionSpecs,
  type OptionValues,
  parseOptions,
  runMain,
} from "./lib/cli.ts";
import { UsageError } from "./lib/errors.ts";
import { DIR_OPTION, dryRunOption, QUIET_OPTION } from "./lib/options.ts";
import type { PackageDir } from "./lib/package_dir.ts";
import { parseCommandName, rejectForeignOptions } from "./lib/subcommands.ts";
import { typedName } from "./lib/typed.ts";
import type { VersionChange } from "./lib/version_changes.ts";
import type { CheckResult, CheckStatus, Versions } from "./lib/versions.ts";

export type { CheckResult, CheckStatus, PackageDir, VersionChange, Versions };

const OPTIONS = {
  dir: DIR_OPTION,
  all: { type: "boolean", help: "volume: all distro versions" },
  to: {
    type: "string",
    value: "N",
    help: "volume: the new version; one more than now by default",
  },
  "dry-run": dryRunOption("volume, package: print a diff and change nothing"),
  json: {
    type: "boolean",
    help: "Print results as JSON, one document a line",
  },
  quiet: QUIET_OPTION,
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Raises the versions of krunner volumes and packages. A version never goes down.",
  usage: [
    "bump.ts volume <distro-version>... | --all  [--to N] [--dry-run] [options]",
    "bump.ts package <change> [family]...  [--dry-run] [options]",
    "bump.ts show [options]",
    "bump.ts check [distro-version]... [options]",
  ],
  commands: {
    volume:
      'Raise the label "ai.backend.krunner.version" of env dockerfiles; every\nother byte stays',
    package:
      'Raise __version__; the change is "major", "minor", "patch",\n"prerelease", or a version such as "3.6.0"',
    show: "List all versions",
    check:
      "Tell whether what is built changed since the volume version was first\nbuilt by build.ts, and the version did not",
  },
  options: OPTIONS,
  examples: {
    "deno run -A bump.ts volume debian12 debian13":
      "The next volume version for two distro versions",
    "deno run -A bump.ts volume --all --dry-run":
      "What would change for all of them",
    "deno run -A bump.ts package minor debian": "From 0.1.2 to 0.2.0",
    "deno run -A bump.ts check --dir ../ubuntu/src/ai/backend/krunner/ubuntu":
      "In another checkout than the one around you",
  },
  exitCodes: {
    "0": "Done; check: no bump was forgotten",
    "1": "Failed, and nothing was changed; check: a bump was forgotten",
    "2": "Wrong usage",
  },
};

/** Raise volume versions. */
export interface VolumeCommand {
  /** Tells the commands apart. */
  kind: "volume";
  /** Distro versions. */
  names: string[];
  /** All of them instead. */
  all: boolean;
  /** The new version; one more than the current one by default. */
  to?: number;
}

/** Raise package versions. */
export interface PackageCommand {
  /** Tells the commands apart. */
  kind: "package";
  /** A step (`minor`) or a version (`3.6.0`). */
  change: string;
  /** May be empty where there is only one. */
  families: string[];
}

/** List all versions. */
export interface ShowCommand {
  /** Tells the commands apart. */
  kind: "show";
}

/** Look for forgotten bumps. */
export interface CheckCommand {
  /** Tells the commands apart. */
  kind: "check";
  /** Distro versions; all where it is empty. */
  names: string[];
}

/** What the command line asks for. */
export type Command =
  | VolumeCommand
  | PackageCommand
  | ShowCommand
  | CheckCommand;

type Options = OptionValues<typeof OPTIONS>;

const COMMANDS = ["volume", "package", "show", "check"] as const;

/** The options that not every command takes. */
const COMMAND_OPTIONS = {
  all: ["volume"],
  to: ["volume"],
  "dry-run": ["volume", "package"],
} as const;

function parseTo(to: string): number {
  const version = Number(to);
  if (!/^[1-9]\d*$/.test(to) || !Number.isSafeInteger(version)) {
    throw new UsageError(
      `Cannot use "--to=${to}": it must be a positive integer`,
    );
  }
  return version;
}

/** Turns operands and options into a command. */
async function parseCommand(
  operands: readonly string[],
  options: Options,
): Promise<Command> {
  const [word, ...names] = operands;
  const kind = await parseCommandName(word, COMMANDS);
  rejectForeignOptions(options, COMMAND_OPTIONS, kind);
  switch (kind) {
    case "volume":
      return {
        kind,
        names,
        all: options.all,
        ...options.to === undefined ? {} : { to: parseTo(options.to) },
      };
    case "package": {
      const [change, ...families] = names;
      if (change === undefined) {
        throw new UsageError(
          'No change given: give "major", "minor", "patch", "prerelease", or a version such as "3.6.0"',
        );
      }
      return { kind, change, families };
    }
    case "show":
      if (names.length > 0) {
        throw new UsageError(
          `Cannot use "${names.join(" ")}": "show" takes no names`,
        );
      }
      return { kind };
    case "check":
      return { kind, names };
    default:
      return kind satisfies never;
  }
}

/**
 * Plans the changes of a command; nothing is written.
 *
 * @throws {UsageError} If a name is unknown, or nothing is selected.
 * @throws {KrunnerError} If a version cannot be read, or would stay or go down.
 */
export async function planBump(
  packages: readonly PackageDir[],
  command: VolumeCommand | PackageCommand,
): Promise<VersionChange[]> {
  const { planPackageChanges, planVolumeChanges } = await import(
    "./lib/version_changes.ts"
  );
  switch (command.kind) {
    case "volume": {
      const { selectTargets } = await import("./lib/package_dir.ts");
      const targets = selectTargets(packages, command.names, command);
      return await planVolumeChanges(targets, command.to);
    }
    case "package": {
      const { selectFamilies } = await import("./lib/families.ts");
      return await planPackageChanges(
        await selectFamilies(packages, command.families),
        command.change,
      );
    }
    default:
      return command satisfies never;
  }
}

/**
 * Reads the versions of all distro versions.
 *
 * @throws {KrunnerError} If one cannot be read.
 */
export async function showVersions(
  packages: readonly PackageDir[],
): Promise<Versions[]> {
  const [{ selectTargets }, { readVersions }] = await Promise.all([
    import("./lib/package_dir.ts"),
    import("./lib/versions.ts"),
  ]);
  const targets = selectTargets(packages, [], { all: true });
  // One after the other: the first that is broken is said, and no read goes on.
  const versions: Versions[] = [];
  for (const target of targets) versions.push(await readVersions(target));
  return versions;
}

/**
 * Compares labels with what was built.
 *
 * @param names Distro versions; all where it is empty.
 * @throws {UsageError} If a name is unknown.
 * @throws {KrunnerError} If a package directory or manifest is broken.
 */
export async function checkBumps(
  packages: readonly PackageDir[],
  names: readonly string[],
): Promise<CheckResult[]> {
  const [{ selectTargets }, { checkVersions }] = await Promise.all([
    import("./lib/package_dir.ts"),
    import("./lib/versions.ts"),
  ]);
  const targets = selectTargets(packages, names, { all: names.length === 0 });
  const results: CheckResult[] = [];
  for (const target of targets) results.push(...await checkVersions(target));
  return results;
}

/** Where a run's text goes. */
export interface Output {
  /** Results. */
  log(text: string): void;
  /** Everything else. */
  error(text: string): void;
}

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {KrunnerError} If it fails; nothing was changed then.
 */
export async function main(
  args: readonly string[],
  output: Output = console,
): Promise<number> {
  const { options, operands, asked } = await parseOptions(args, OPTIONS);
  if (asked !== undefined) {
    return await answerCommon(asked, HELP, typedName("bump"), output.log);
  }
  const command = await parseCommand(operands, options);
  const { openPackages, projectRoot } = await import("./lib/package_dir.ts");
  const packages = await openPackages(
    options.dir,
    projectRoot(import.meta.dirname ?? ".", Deno.cwd()),
    {
      readOnly: command.kind === "show" || command.kind === "check" ||
        options["dry-run"],
    },
  );
  const print = (text: string) => {
    if (!options.quiet && text !== "") output.log(text);
  };
  /** Packages whose list of distro versions is wrong fail no check of versions. */
  const warn = async (packages: readonly PackageDir[]) => {
    if (options.quiet) return;
    const { describeListDifferences } = await import("./lib/versions_list.ts");
    for (const pkg of packages) {
      for (const line of await describeListDifferences(pkg)) {
        output.error(`note: ${line}`);
      }
    }
  };
  switch (command.kind) {
    case "volume":
    case "package":
      print(await bump(packages, command, options));
      return 0;
    case "show": {
      const { renderJson, renderVersions } = await import(
        "./lib/version_report.ts"
      );
      const versions = await showVersions(packages);
      print(
        options.json ? renderJson(versions) : renderVersions(versions),
      );
      await warn(packages);
      return 0;
    }
    case "check": {
      const [{ isFailure }, { describeFailure, renderChecks, renderJson }] =
        await Promise.all([
          import("./lib/versions.ts"),
          import("./lib/version_report.ts"),
        ]);
      const results = await checkBumps(packages, command.names);
      print(options.json ? renderJson(results) : renderChecks(results));
      const failures = results.filter(isFailure).map(describeFailure);
      for (const failure of new Set(failures)) output.error(failure);
      await warn(packages);
      return failures.length === 0 ? 0 : 1;
    }
    default:
      return command satisfies never;
  }
}

/** Changes the files, or not with `--dry-run`; returns the text to print. */
async function bump(
  packages: readonly PackageDir[],
  command: VolumeCommand | PackageCommand,
  options: Options,
): Promise<string> {
  const changes = await planBump(packages, command);
  if (!options["dry-run"]) {
    const { applyChanges } = await import("./lib/version_changes.ts");
    await applyChanges(changes);
  }
  const { renderChange, renderJson, summarizeChange } = await import(
    "./lib/version_report.ts"
  );
  if (options.json) return renderJson(changes.map(summarizeChange));
  if (!options["dry-run"]) return changes.map(renderChange).join("\n");
  const { unifiedDiff } = await import("./lib/diff.ts");
  const diffs = await Promise.all(
    changes.map(({ file, before, after }) => unifiedDiff(file, before, after)),
  );
  return diffs.join("").replace(/\n$/, "");
}

if (import.meta.main) await runMain(main);
