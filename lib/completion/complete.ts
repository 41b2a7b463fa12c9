/**
 * Which words may stand at the cursor of a command line, from the same tables as
 * its help.
 *
 * @module
 */

import type { Help, OptionSpec, OptionSpecs } from "../cli.ts";

/** One word that may stand there. */
export interface Candidate {
  /** The word. */
  readonly word: string;
  /** What it means; `""` where it says so itself. */
  readonly meaning: string;
}

/** Names that only the surroundings know. */
export interface Names {
  /** Distro versions and families of the package directories in reach. */
  readonly distroVersions: readonly string[];
  /** Families of the same. */
  readonly families: readonly string[];
}

/** What completing takes beside the words. */
export interface Tables {
  /** The help of krunner itself. */
  readonly help: Help;
  /** The help of a command, `undefined` for one that does not exist. */
  readonly helpOf: (command: string) => Promise<Help | undefined>;
  /** Looks names up, in the package directory `dir` or all. */
  readonly names: (dir: string | undefined) => Promise<Names>;
}

/** What may stand at the cursor. */
export interface Completion {
  /** Words. */
  readonly candidates: readonly Candidate[];
  /** Whether files or folders may too. */
  readonly paths?: "files" | "folders";
}

const NOTHING: Completion = { candidates: [] };

/**
 * Completes the last of `words`, which may be empty; the program's own name is not
 * among them.
 */
export async function complete(
  words: readonly string[],
  tables: Tables,
): Promise<Completion> {
  const typed = words.at(-1) ?? "";
  const [command, ...rest] = words.slice(0, -1);
  const found = command === undefined
    ? completeCommand(tables.help, typed)
    : command === "help"
    ? { candidates: rest.length > 0 ? [] : commandsOf(tables.help) }
    : await completeArguments(command, rest, typed, tables);
  return {
    ...found,
    candidates: found.candidates.filter(({ word }) => word.startsWith(typed)),
  };
}

function completeCommand(help: Help, typed: string): Completion {
  return {
    candidates: typed.startsWith("-")
      ? optionsOf(help.options, [])
      : commandsOf(help),
  };
}

function commandsOf({ commands = {} }: Help): Candidate[] {
  return Object.entries(commands)
    .map(([word, meaning]) => ({ word, meaning: oneLine(meaning) }));
}

async function completeArguments(
  command: string,
  before: readonly string[],
  typed: string,
  tables: Tables,
): Promise<Completion> {
  const help = await tables.helpOf(command);
  if (help === undefined) return NOTHING;
  // What follows is another program's command line.
  if (before.includes("--")) return { candidates: [], paths: "files" };
  const { operands, dir, open } = readWords(before, help.options);
  if (open !== undefined) return valuesOf(open, "");
  const [, name, spec] = assignment(typed, help.options) ?? [];
  if (spec !== undefined) return valuesOf(spec, `--${name}=`);
  if (typed.startsWith("-")) {
    return { candidates: optionsOf(help.options, before) };
  }
  return await completeOperand(help, operands, () => tables.names(dir));
}

/** What is known from the words before the cursor. */
interface Before {
  readonly operands: readonly string[];
  /** The value of `--dir`. */
  readonly dir: string | undefined;
  /** The option whose value is the next word. */
  readonly open: OptionSpec | undefined;
}

function readWords(words: readonly string[], specs: OptionSpecs): Before {
  const operands: string[] = [];
  let dir: string | undefined;
  let open: [string, OptionSpec] | undefined;
  for (const word of words) {
    if (open !== undefined) {
      if (open[0] === "dir") dir = word;
      open = undefined;
    } else if (word.startsWith("--dir=")) dir = word.slice("--dir=".length);
    else if (word.startsWith("-")) open = takesNext(word, specs);
    else operands.push(word);
  }
  return { operands, dir, open: open?.[1] };
}

/** The option of a word that does not hold its value itself. */
function takesNext(
  word: string,
  specs: OptionSpecs,
): [string, OptionSpec] | undefined {
  return Object.entries(specs).find(([name, { type, alias }]) =>
    type !== "boolean" && (word === `--${name}` || word === `-${alias}`)
  );
}

function assignment(
  typed: string,
  specs: OptionSpecs,
): [string, string, OptionSpec] | undefined {
  const name = /^--([^=]+)=/.exec(typed)?.[1];
  const spec = name !== undefined && Object.hasOwn(specs, name)
    ? specs[name]
    : undefined;
  return spec === undefined || spec.type === "boolean"
    ? undefined
    : [typed, name!, spec];
}

function valuesOf(
  { value, values = [] }: OptionSpec,
  prefix: string,
): Completion {
  const candidates = values.map((word) => ({
    word: prefix + word,
    meaning: "",
  }));
  if (value === "DIR") return { candidates, paths: "folders" };
  if (value === "FILE") return { candidates, paths: "files" };
  return { candidates };
}

/** The options that may be given still. */
function optionsOf(
  specs: OptionSpecs,
  before: readonly string[],
): Candidate[] {
  return Object.entries(specs)
    .filter(([name, { type, alias }]) =>
      type === "collect" ||
      !before.some((word) =>
        word === `-${alias}` || word.split("=")[0] === `--${name}`
      )
    )
    .map(([name, { help }]) => ({ word: `--${name}`, meaning: oneLine(help) }));
}

async function completeOperand(
  help: Help,
  operands: readonly string[],
  lookUp: () => Promise<Names>,
): Promise<Completion> {
  const usage = usageOf(help, operands[0]);
  const commands = operands.length === 0 ? commandsOf(help) : [];
  const isFree = (words: readonly string[]) =>
    words.filter((word) => !operands.includes(word))
      .map((word) => ({ word, meaning: "" }));
  const takesNames = /distro-version/.test(usage);
  const takesFamilies = mayBeFamily(usage, operands.length);
  const names = takesNames || takesFamilies ? await lookUp() : undefined;
  return {
    candidates: [
      ...commands,
      ...takesNames ? isFree(names?.distroVersions ?? []) : [],
      ...takesFamilies ? isFree(names?.families ?? []) : [],
    ],
    // An archive, or two to compare.
    ...usage.match(/[< ](archive|old|file)\b/) ? { paths: "files" } : {},
  };
}

/**
 * Whether a family may stand after so many operands: behind all words that stand
 * before it in the usage, more than once if that says so.
 */
function mayBeFamily(usage: string, operands: number): boolean {
  const [, words, more] = /^\S+ (.*?)\[family\](\.{3})?/m.exec(usage) ?? [];
  if (words === undefined) return false;
  const before = words.split(" ")
    .filter((word) => word !== "" && word !== "[options]").length;
  return more === undefined ? operands === before : operands >= before;
}

/**
 * The lines of the usage that are meant: those of a subcommand where one is given,
 * else those without one.
 */
function usageOf({ usage, commands = {} }: Help, first = ""): string {
  const given = Object.hasOwn(commands, first) ? first : undefined;
  return usage.filter((line) => {
    const second = /^\S+ ([a-z]+)\b/.exec(line)?.[1] ?? "";
    return Object.hasOwn(commands, second)
      ? second === given
      : given === undefined;
  }).join("\n");
}

function oneLine(text: string): string {
  return text.replaceAll("\n", " ");
}
