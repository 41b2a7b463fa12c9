/**
 * One entry for all scripts, and what makes the single program.
 *
 * ```sh
 * deno run -A krunner.ts build debian12
 * deno run -A krunner.ts help
 * ```
 *
 * @module
 */

import {
  answerCommon,
  COMMON_OPTIONS,
  type Help,
  parseOptions,
  renderHelp,
  runMain,
  suggestion,
} from "./lib/cli.ts";
import { UsageError } from "./lib/errors.ts";
import { setCalling } from "./lib/typed.ts";

/** A module with a command line. */
export interface Script {
  /** Runs the command line and returns the exit code. */
  main(args: readonly string[]): Promise<number>;
  /** What its `--help` and completion say. */
  readonly HELP: Help;
}

/** What it is for, in a few words, and its module. */
type Row = readonly [summary: string, load: () => Promise<Script>];

/** The scripts, each a file of its own beside this one: a new one is a row here. */
export const SCRIPTS: Readonly<Record<string, Row>> = {
  build: ["Build volumes from dockerfiles", () => import("./build.ts")],
  bump: ["Raise, show and check versions", () => import("./bump.ts")],
  sources: [
    "Collect what builds without a network need",
    () => import("./sources.ts"),
  ],
  ttyd: ["Build or check the custom terminal", () => import("./ttyd.ts")],
  verify: ["Judge volumes, or compare two", () => import("./verify.ts")],
  volume: ["Fill and keep an engine's volumes", () => import("./volume.ts")],
  wheel: ["Make the Python package", () => import("./wheel.ts")],
  release: [
    "Build, prove, publish and tag a package",
    () => import("./release.ts"),
  ],
  doctor: ["Tell what a build here would lack", () => import("./doctor.ts")],
};

/** Commands that only make sense here. */
const OWN: Readonly<Record<string, Row>> = {
  setup: [
    "Install what a build needs, as root on Debian or Ubuntu",
    () => import("./lib/setup_command.ts"),
  ],
  completion: [
    "Print what makes a shell complete command lines",
    () => import("./lib/completion/command.ts"),
  ],
};

const COMMANDS: Readonly<Record<string, Row>> = { ...SCRIPTS, ...OWN };

/** The text of `--help`. */
export const HELP: Help = {
  summary: "Builds, judges, keeps and releases Backend.AI krunner volumes.",
  usage: [
    "krunner <command> [arguments]",
    "krunner help [command]",
  ],
  commands: {
    ...Object.fromEntries(
      Object.entries(COMMANDS).map(([name, [summary]]) => [name, summary]),
    ),
    help: "Show this help, or that of a command",
  },
  options: COMMON_OPTIONS,
  examples: {
    "krunner doctor": "See whether this machine can build",
    "krunner build debian12": "Build a volume into dockerfiles/debian",
    "krunner help build": "See what a command can do",
  },
  exitCodes: {
    "0": "Done",
    "1": "Failed",
    "2": "Wrong usage",
    "129, 130, 143": "Stopped by SIGHUP, Ctrl-C or SIGTERM",
  },
};

async function findCommand(name: string): Promise<Script> {
  const row = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (row !== undefined) return await row[1]();
  const names = [...Object.keys(COMMANDS), "help"];
  throw new UsageError(
    `Unknown command "${name}"${
      await suggestion(name, names) || '; see "krunner help"'
    }`,
  );
}

async function help(names: readonly string[]): Promise<number> {
  const [name, other] = names;
  if (other !== undefined) {
    throw new UsageError(`Cannot use "${other}": "help" takes one command`);
  }
  const shown = name === undefined || name === "help"
    ? HELP
    : (await findCommand(name)).HELP;
  return await answerCommon("help", shown, "krunner");
}

/** Answers a shell that completes a command line. */
async function complete(words: readonly string[]): Promise<number> {
  const { answer } = await import("./lib/completion/answer.ts");
  const lines = await answer(words, {
    help: HELP,
    helpOf: async (name) =>
      Object.hasOwn(COMMANDS, name)
        ? (await COMMANDS[name]![1]()).HELP
        : undefined,
    scriptDir: import.meta.dirname ?? ".",
    cwd: Deno.cwd(),
    home: Deno.env.get("HOME"),
  });
  if (lines.length > 0) console.log(lines.join("\n"));
  return 0;
}

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {UsageError} If there is no such command or option.
 * @throws {KrunnerError} If the command fails.
 */
export async function main(args: readonly string[]): Promise<number> {
  setCalling("krunner");
  const [name, ...rest] = args;
  if (name === undefined) {
    console.error(renderHelp(HELP));
    return 2;
  }
  if (name === "help") return await help(rest);
  // Hidden: the scripts that `completion` prints call it.
  if (name === "__complete") return await complete(rest);
  if (!name.startsWith("-")) return await (await findCommand(name)).main(rest);
  const { operands, asked } = await parseOptions(args, COMMON_OPTIONS);
  if (asked === "help") return await help(operands);
  if (asked !== undefined) return await answerCommon(asked, HELP, "krunner");
  throw new UsageError(
    `Cannot use "${name}": give a command first; see "krunner help"`,
  );
}

if (import.meta.main) await runMain(main);
