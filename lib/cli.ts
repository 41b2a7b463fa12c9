/**
 * What every script's command line shares: strict options, help, and one way
 * out for errors.
 *
 * ```ts ignore
 * const OPTIONS = {
 *   dir: { type: "string", value: "DIR", help: "…" },
 *   "dry-run": { type: "boolean", alias: "n", help: "…" },
 *   "build-arg": { type: "collect", value: "K=V", help: "…" },
 *   ...COMMON_OPTIONS, // --help, --version
 * } as const satisfies OptionSpecs;
 *
 * const { options, operands, asked } = await parseOptions(args, OPTIONS);
 * if (asked !== undefined) return await answerCommon(asked, HELP, "it.ts");
 * options.dir; // string | undefined
 * options["dry-run"]; // boolean
 * options["build-arg"]; // string[]
 *
 * renderHelp({ summary, usage, commands, options: OPTIONS, examples, exitCodes });
 *
 * // `main` returns the exit code; what it throws becomes one line on stderr.
 * if (import.meta.main) await runMain(main);
 * ```
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { describeError, UsageError } from "./errors.ts";
import { asTyped } from "./typed.ts";

/** One option of a command line. */
export interface OptionSpec {
  /** `collect` is a string that may be given several times. */
  readonly type: "boolean" | "string" | "collect";
  /** A one-letter form: `n` for `-n`. */
  readonly alias?: string;
  /** What stands for the value in the help: `DIR`. */
  readonly value?: string;
  /** The only values that there are, for completion. */
  readonly values?: readonly string[];
  /** What it does, for the help; may have several lines. */
  readonly help: string;
}

/** The options of a command line by name, in the order of the help. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values that {@linkcode parseOptions} finds. */
export type OptionValues<Specs extends OptionSpecs> = {
  [Name in keyof Specs]: Specs[Name]["type"] extends "boolean" ? boolean
    : Specs[Name]["type"] extends "collect" ? string[]
    : string | undefined;
};

/** Options of every script. */
export const COMMON_OPTIONS = {
  help: { type: "boolean", alias: "h", help: "Show this help" },
  version: { type: "boolean", help: "Show krunner's version" },
} as const satisfies OptionSpecs;

/** What {@linkcode COMMON_OPTIONS} ask for in place of a script's own work. */
export type CommonRequest = keyof typeof COMMON_OPTIONS;

/** A command line, taken apart. */
export interface ParsedOptions<Specs extends OptionSpecs> {
  /** The options by name. */
  options: OptionValues<Specs>;
  /** All else. */
  operands: string[];
  /** What is to be shown instead, whatever else is there. */
  asked: CommonRequest | undefined;
}

/**
 * `; did you mean "x"?`, or nothing where no known word is near; see
 * `nearestWord()`, which is loaded where something is unknown only.
 */
export async function suggestion(
  word: string,
  known: readonly string[],
): Promise<string> {
  const { nearestWord } = await import("./suggestion.ts");
  const nearest = nearestWord(word, known);
  return nearest === undefined ? "" : `; did you mean "${nearest}"?`;
}

/** Booleans never take a value: `--force=no` must not mean `--force`. */
function rejectBooleanValues(
  args: readonly string[],
  specs: OptionSpecs,
): void {
  for (const [index, arg] of args.entries()) {
    if (arg === "--") return;
    const [, name = "", assigned] = /^--?([^=]+)(=.*)?$/s.exec(arg) ?? [];
    const spec = Object.hasOwn(specs, name)
      ? specs[name]
      : Object.values(specs).find(({ alias }) => alias === name);
    if (spec?.type !== "boolean") continue;
    if (
      assigned !== undefined || /^(true|false)$/.test(args[index + 1] ?? "")
    ) {
      throw new UsageError(
        `Cannot read "${
          name.length === 1 ? "-" : "--"
        }${name}": it takes no value`,
      );
    }
  }
}

function namesOf(specs: OptionSpecs, ...types: OptionSpec["type"][]): string[] {
  return Object.keys(specs).filter((name) =>
    specs[name] !== undefined && types.includes(specs[name].type)
  );
}

/**
 * Parses arguments strictly: every option must be known, every value there.
 *
 * @throws {UsageError} If an option is unknown (with the nearest known one),
 * lacks its value or has one too many.
 */
export async function parseOptions<const Specs extends OptionSpecs>(
  args: readonly string[],
  specs: Specs,
): Promise<ParsedOptions<Specs>> {
  rejectBooleanValues(args, specs);
  const unknown: string[] = [];
  const parsed = parseArgs([...args], {
    boolean: namesOf(specs, "boolean"),
    // "_": an operand such as "7.0" is no number.
    string: ["_", ...namesOf(specs, "string", "collect")],
    collect: namesOf(specs, "collect"),
    alias: Object.fromEntries(
      Object.entries(specs).flatMap(([name, { alias }]) =>
        alias === undefined ? [] : [[name, alias]]
      ),
    ),
    unknown: (arg, key) => {
      if (key === undefined) return true;
      unknown.push(arg.startsWith("--") ? `--${key}` : `-${key}`);
      return false;
    },
  });
  const [first] = unknown;
  if (first !== undefined) {
    const flags = Object.keys(specs).map((name) => `--${name}`);
    throw new UsageError(
      `Unknown option "${first}"${
        await suggestion(first, flags) || "; see --help"
      }`,
    );
  }
  const values = parsed as unknown as Record<
    string,
    string[] | string | boolean | undefined
  >;
  for (const name of namesOf(specs, "string", "collect")) {
    if ([values[name]].flat().includes("")) {
      const value = specs[name]?.value ?? "VALUE";
      throw new UsageError(
        `Cannot read "--${name}": it needs a value; write "--${name}=${value}"`,
      );
    }
  }
  return {
    options: Object.fromEntries(
      Object.keys(specs).map((name) => [name, values[name]]),
    ) as OptionValues<Specs>,
    operands: parsed._.map(String),
    // An option of a script's own, with values, is no such request.
    asked: (["help", "version"] as const).find((name) => values[name] === true),
  };
}

/** The parts of a help text. */
export interface Help {
  /** One sentence. */
  summary: string;
  /** Command lines with placeholders. */
  usage: readonly string[];
  /** Subcommands and what each does. */
  commands?: Readonly<Record<string, string>>;
  /** The options. */
  options: OptionSpecs;
  /** Command lines and what each does. */
  examples: Readonly<Record<string, string>>;
  /** Exit codes and what each means. */
  exitCodes: Readonly<Record<string, string>>;
}

function renderRows(title: string, rows: readonly [string, string][]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const lines = rows.map(([left, right]) =>
    `  ${left.padEnd(width)}${
      right.replaceAll("\n", `\n  ${" ".repeat(width)}`)
    }`
  );
  return `${title}:\n${lines.join("\n")}\n`;
}

function optionRow([name, spec]: [string, OptionSpec]): [string, string] {
  const short = spec.alias === undefined ? "    " : `-${spec.alias}, `;
  const value = spec.type === "boolean" ? "" : ` ${spec.value ?? "VALUE"}`;
  return [`${short}--${name}${value}`, spec.help];
}

/** The text of `--help`, without a line break at the end. */
export function renderHelp(help: Help): string {
  const sections = [
    `${help.summary}\n`,
    `Usage:\n${help.usage.map((line) => `  ${line}`).join("\n")}\n`,
    ...help.commands === undefined
      ? []
      : [renderRows("Commands", Object.entries(help.commands))],
    renderRows("Options", Object.entries(help.options).map(optionRow)),
    `Examples:\n${
      Object.entries(help.examples)
        .map(([command, text]) => `  # ${text}\n  ${command}\n`).join("")
    }`,
    renderRows("Exit codes", Object.entries(help.exitCodes)),
  ];
  return asTyped(sections.join("\n").trimEnd());
}

/** This project's version, as in its `deno.json`. */
export async function krunnerVersion(): Promise<string> {
  const config = await import("../deno.json", { with: { type: "json" } });
  return config.default.version;
}

/**
 * Answers `--help` and `--version`.
 *
 * @param name What the version is of: `build.ts`.
 * @param log Where the answer goes.
 * @returns The exit code.
 */
export async function answerCommon(
  asked: CommonRequest,
  help: Help,
  name: string,
  log: (text: string) => void = console.log,
): Promise<number> {
  log(
    asked === "help" ? renderHelp(help) : `${name} ${await krunnerVersion()}`,
  );
  return 0;
}

/**
 * Runs a script: sets the exit code that `main` returns, or prints the error
 * that it throws as one message on stderr and sets that one's exit code.
 */
export async function runMain(
  main: (args: string[]) => Promise<number>,
): Promise<void> {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    const { message, exitCode } = describeError(error);
    const plain = Deno.noColor || !Deno.stderr.isTerminal();
    console.error(`${plain ? "error" : "\x1b[1;31merror\x1b[0m"}: ${message}`);
    Deno.exitCode = exitCode;
  }
}
