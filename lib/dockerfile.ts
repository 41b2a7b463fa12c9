/**
 * Dockerfiles as a list of instructions with their places in the text. The
 * rules are those of BuildKit's parser (`frontend/dockerfile/parser`).
 *
 * @module
 */

import {
  type Escape,
  expandWord,
  splitWords,
  substitute,
  type Variables,
} from "./dockerfile_words.ts";
import { KrunnerError } from "./errors.ts";

export { type Escape, substitute, type Variables };

/** A run of characters that an instruction's arguments share with the file. */
export interface Piece {
  /** Offset of the run in {@linkcode Instruction.args}. */
  args: number;
  /** Offset of the run in the file's text. */
  text: number;
}

/** One instruction of a dockerfile. */
export interface Instruction {
  /** In upper case: `RUN`. */
  keyword: string;
  /**
   * Everything behind the keyword, flags included: continuation lines joined,
   * comment lines dropped, trimmed.
   */
  args: string;
  /** The line that it starts on, from 1. */
  line: number;
  /** Offset of its keyword in the text. */
  start: number;
  /**
   * Offset of its end: behind the last continuation line or here-document,
   * without the final line break.
   */
  end: number;
  /** Whether it stood behind ONBUILD; the keyword is the inner one then. */
  onbuild: boolean;
  /** End words of its here-documents, which only BuildKit understands. */
  heredocs: readonly string[];
  /** Maps `args` back to the text; see {@linkcode textOffset}. */
  pieces: readonly Piece[];
  /** The file's escape character. */
  escape: Escape;
}

/** A parsed dockerfile. */
export interface Dockerfile {
  /** Set by a `# escape=` directive; a backslash by default. */
  escape: Escape;
  /** The frontend image that a `# syntax=` directive names. */
  syntax?: string;
  /** In the file's order. */
  instructions: readonly Instruction[];
}

interface Line {
  /** The line without its line break. */
  content: string;
  start: number;
}

/** Lines that end in LF or CR LF; a byte order mark is left out. */
function splitLines(text: string): Line[] {
  const lines: Line[] = [];
  let start = text.startsWith("\uFEFF") ? 1 : 0;
  while (start < text.length) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    lines.push({ content: text.slice(start, end).replace(/\r$/, ""), start });
    start = end + 1;
  }
  return lines;
}

/** A directive that may stand at the very top: `# name=value`. */
interface Directive {
  name: string;
  value: string;
  /** From 1. */
  line: number;
}

/** Directives stand at the very top: the first other line ends them. */
function readDirectives(lines: readonly Line[]): Directive[] {
  const directives: Directive[] = [];
  for (const { content } of lines) {
    const [matched, name = "", value = ""] =
      /^\s*#\s*(syntax|escape|check)\s*=\s*(.+?)\s*$/i.exec(content) ?? [];
    if (matched === undefined) break;
    directives.push({
      name: name.toLowerCase(),
      value,
      line: directives.length + 1,
    });
  }
  return directives;
}

function readEscape(directives: readonly Directive[], file: string): Escape {
  const found = directives.find(({ name }) => name === "escape");
  if (found === undefined) return "\\";
  const { value, line } = found;
  if (value === "\\" || value === "`") return value;
  throw new KrunnerError(
    `Cannot read "${file}", line ${line}: "${value}" is no escape character; use "\\" or "\`"`,
  );
}

/** What stands behind the frontend's name are its own arguments. */
function readSyntax(directives: readonly Directive[]): string | undefined {
  return directives.find(({ name }) => name === "syntax")
    ?.value.split(/\s/, 1)[0];
}

/**
 * The text without its `# syntax=` directive, for the builder's own frontend. An
 * empty line below the other directives keeps the numbers of all lines there.
 */
export function withoutSyntax(text: string): string {
  const lines = text.split("\n");
  const directives = readDirectives(splitLines(text));
  const at = directives.findIndex(({ name }) => name === "syntax");
  if (at < 0) return text;
  return [
    ...lines.slice(0, at),
    ...lines.slice(at + 1, directives.length),
    "",
    ...lines.slice(directives.length),
  ].join("\n");
}

const isComment = (content: string): boolean => /^\s*#/.test(content);
const isBlank = (content: string): boolean => content.trim() === "";

/** An instruction's lines, joined, with the way back to the text. */
class Joined {
  text = "";
  readonly pieces: Piece[] = [];

  add(content: string, start: number): void {
    if (content === "") return;
    this.pieces.push({ args: this.text.length, text: start });
    this.text += content;
  }
}

const CONTINUATION: Record<Escape, RegExp> = {
  "\\": /(?<!\\)\\[ \t]*$/,
  "`": /(?<!`)`[ \t]*$/,
};

/** `keyword` and the offset of what follows it in `joined`. */
function splitKeyword(
  joined: string,
  from: number,
): { keyword: string; rest: number } {
  const match = /\s*(\S+)\s*/y;
  match.lastIndex = from;
  const keyword = match.exec(joined)?.[1] ?? "";
  return { keyword: keyword.toUpperCase(), rest: match.lastIndex };
}

/** The part of the pieces that begins at `from`, moved to begin at 0. */
function shiftPieces(pieces: readonly Piece[], from: number): Piece[] {
  const first = pieces.findLastIndex((piece) => piece.args <= from);
  return pieces.slice(Math.max(first, 0)).map(({ args, text }) =>
    args < from
      ? { args: 0, text: text + from - args }
      : { args: args - from, text }
  );
}

interface Heredoc {
  /** The word that ends it. */
  name: string;
  /** Whether tabs may stand before the end word (`<<-`). */
  dash: boolean;
}

// A digit cannot begin the end word, so that "$(( 1 << 2 ))" is none.
const HEREDOC = /^\d*<<(-?)([^<\d][^<]*)$/;

/** The here-documents that an instruction announces. */
function announcedHeredocs(
  keyword: string,
  args: string,
  escape: Escape,
): Heredoc[] {
  if (!["RUN", "COPY", "ADD"].includes(keyword) || !args.includes("<<")) {
    return [];
  }
  if (parseJsonArray(args) !== undefined) return [];
  // White space may stand between the operator and its word.
  const glued = args.replace(/((?:^|\s)\d*<<-?)[ \t]+(?=[^\s<])/g, "$1");
  return splitWords(glued, escape).flatMap(({ raw }) => {
    const match = HEREDOC.exec(raw);
    if (match === null) return [];
    // Unset variables are kept in the name: "<<$EOF" ends at "$EOF".
    const word = (match[2] ?? "").replaceAll("$", `${escape}$`);
    return [{ name: expandWord(word, escape).text, dash: match[1] === "-" }];
  });
}

/** Reads instructions off the lines of one file. */
class Reader {
  readonly #lines: readonly Line[];
  readonly #escape: Escape;
  readonly #file: string;
  #next = 0;

  constructor(lines: readonly Line[], escape: Escape, file: string) {
    this.#lines = lines;
    this.#escape = escape;
    this.#file = file;
  }

  *instructions(): Generator<Instruction> {
    while (this.#next < this.#lines.length) {
      const { content } = this.#lines[this.#next]!;
      if (isComment(content) || isBlank(content)) this.#next++;
      else yield this.#instruction();
    }
  }

  /** Joins continuation lines; comments and blank lines between are skipped. */
  #join(): Joined {
    const joined = new Joined();
    for (let first = true; this.#next < this.#lines.length; first = false) {
      const { content, start } = this.#lines[this.#next++]!;
      if (!first && (isComment(content) || isBlank(content))) continue;
      const cut = content.search(CONTINUATION[this.#escape]);
      joined.add(cut < 0 ? content : content.slice(0, cut), start);
      if (cut < 0) break;
    }
    return joined;
  }

  #instruction(): Instruction {
    const line = this.#next + 1;
    const firstLine = this.#lines[this.#next]!;
    const joined = this.#join();
    let { keyword, rest } = splitKeyword(joined.text, 0);
    const onbuild = keyword === "ONBUILD";
    if (onbuild) ({ keyword, rest } = splitKeyword(joined.text, rest));
    const args = joined.text.slice(rest).trimEnd();
    const heredocs = announcedHeredocs(keyword, args, this.#escape);
    for (const heredoc of heredocs) this.#skipHeredoc(heredoc, line);
    const lastLine = this.#lines[this.#next - 1]!;
    return {
      keyword,
      args,
      line,
      start: firstLine.start + firstLine.content.search(/\S/),
      end: lastLine.start + lastLine.content.length,
      onbuild,
      heredocs: heredocs.map(({ name }) => name),
      pieces: shiftPieces(joined.pieces, rest),
      escape: this.#escape,
    };
  }

  #skipHeredoc({ name, dash }: Heredoc, line: number): void {
    while (this.#next < this.#lines.length) {
      const { content } = this.#lines[this.#next++]!;
      if ((dash ? content.replace(/^\t+/, "") : content) === name) return;
    }
    throw new KrunnerError(
      `Cannot read "${this.#file}", line ${line}: the here-document "${name}" has no end; add a line "${name}"`,
    );
  }
}

/**
 * Parses a dockerfile. Unknown instructions are kept: the builder knows better.
 *
 * @param file Names the file in error messages.
 * @throws {KrunnerError} If an escape directive or here-document is broken.
 */
export function parseDockerfile(
  text: string,
  file = "dockerfile",
): Dockerfile {
  const lines = splitLines(text);
  const directives = readDirectives(lines);
  const escape = readEscape(directives, file);
  const syntax = readSyntax(directives);
  return {
    escape,
    ...syntax === undefined ? {} : { syntax },
    instructions: [...new Reader(lines, escape, file).instructions()],
  };
}

/**
 * Offset in the file's text of the character at `index` of `args`.
 *
 * @throws {RangeError} If there is no such character.
 */
export function textOffset(
  { args, pieces }: Instruction,
  index: number,
): number {
  const piece = pieces.findLast((it) => it.args <= index);
  if (piece === undefined || index >= args.length) {
    throw new RangeError(`No character at ${index} of "${args}"`);
  }
  return piece.text + index - piece.args;
}

/** The array of a JSON form such as `["a", "b"]`, or `undefined`. */
function parseJsonArray(args: string): string[] | undefined {
  if (!args.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(args);
    return Array.isArray(value) && value.every((v) => typeof v === "string")
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}

/** The flags (`--from=x`) in front of an instruction's arguments. */
export interface Flags {
  /** Name without dashes, and value (`""` where there is none), in order. */
  flags: [name: string, value: string][];
  /** The arguments behind the flags. */
  rest: string;
}

/**
 * Separates flags from arguments. Quotes and escapes in flags are removed;
 * variables stay.
 */
export function parseFlags({ args, escape }: Instruction): Flags {
  const flags: [string, string][] = [];
  for (const { raw, start } of splitWords(args, escape)) {
    if (!raw.startsWith("--")) return { flags, rest: args.slice(start) };
    const word = expandWord(raw.slice(2).replaceAll("$", `${escape}$`), escape);
    const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(word.text) ?? [];
    flags.push([name, value]);
  }
  return { flags, rest: "" };
}

/** Arguments of COPY or ADD. */
export interface CopyArguments {
  /** By name without dashes; the last of several wins; `""` for no value. */
  flags: Record<string, string>;
  /** Without here-documents. Give each to {@linkcode substitute}. */
  sources: string[];
  /** Give it to {@linkcode substitute}. */
  destination: string;
}

/**
 * The arguments of COPY or ADD, in the word form or the JSON form. As in
 * BuildKit, quotes do not keep words together; only the JSON form does.
 */
export function parseCopy(instruction: Instruction): CopyArguments {
  const { flags, rest } = parseFlags(instruction);
  const words = parseJsonArray(rest) ?? rest.split(/\s+/).filter(Boolean);
  return {
    flags: Object.fromEntries(flags),
    sources: words.slice(0, -1).filter((word) => !HEREDOC.test(word)),
    destination: words.at(-1) ?? "",
  };
}

/** Arguments of FROM. */
export interface FromArguments {
  /** An image or an earlier stage's name; give it to {@linkcode substitute}. */
  image: string;
  /** Value of `--platform`. */
  platform?: string;
  /** Name of the stage, in lower case: stage names do not care. */
  alias?: string;
}

/** The arguments of FROM. */
export function parseFrom(instruction: Instruction): FromArguments {
  const { flags, rest } = parseFlags(instruction);
  const [image = "", as = "", alias] = rest.split(/\s+/);
  const platform = new Map(flags).get("platform");
  return {
    image,
    ...platform === undefined ? {} : { platform },
    ...as.toUpperCase() !== "AS" || alias === undefined
      ? {}
      : { alias: alias.toLowerCase() },
  };
}

/** One variable of an ARG instruction. */
export interface ArgDeclaration {
  /** The variable's name. */
  name: string;
  /** Give it to {@linkcode substitute}; absent for `ARG NAME`. */
  default?: string;
}

/** The variables that an ARG instruction declares. */
export function parseArg(instruction: Instruction): ArgDeclaration[] {
  return splitWords(instruction.args, instruction.escape).map(({ raw }) => {
    const equals = raw.indexOf("=");
    return equals < 0
      ? { name: raw }
      : { name: raw.slice(0, equals), default: raw.slice(equals + 1) };
  });
}
