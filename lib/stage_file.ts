/**
 * What a stage's dockerfile needs from outside: images, files of the build
 * context, build arguments. Found by reading it as the builder will.
 *
 * @module
 */

import {
  type Instruction,
  parseArg,
  parseCopy,
  parseDockerfile,
  parseFlags,
  parseFrom,
} from "./dockerfile.ts";
import { KrunnerError } from "./errors.ts";
import { expandWord, splitWords } from "./dockerfile_words.ts";

/** A file, folder or wildcard that the dockerfile takes from the context. */
export interface ContextPattern {
  /** Relative to the context's root, without a leading `./` or `/`. */
  readonly pattern: string;
  /** The dockerfile's line that names it, from 1. */
  readonly line: number;
}

/** What a dockerfile needs. */
export interface StageFile {
  /** Names of all build arguments that it declares. */
  readonly declaredArgs: ReadonlySet<string>;
  /** Images that it is made from or copies from, variables replaced. */
  readonly images: readonly string[];
  /** What it takes from the build context. */
  readonly context: readonly ContextPattern[];
  /** Number of instructions, as the classic builder counts its steps. */
  readonly steps: number;
}

/**
 * Reads a dockerfile with the build arguments that will be given to it.
 *
 * Variables that only the base image can define become a `*` in names of files:
 * a file too many in the context does no harm.
 *
 * @throws {KrunnerError} If the dockerfile's syntax is broken, or a FROM line
 * names no image because a variable has no value.
 */
export function readStageFile(
  text: string,
  file: string,
  buildArgs: Readonly<Record<string, string>>,
): StageFile {
  const reader = new StageReader(file, buildArgs);
  const { instructions } = parseDockerfile(text, file);
  for (const instruction of instructions) {
    if (!instruction.onbuild) reader.read(instruction);
  }
  return {
    declaredArgs: reader.declared,
    images: [...reader.images],
    context: reader.context,
    steps: instructions.length,
  };
}

class StageReader {
  readonly declared = new Set<string>();
  readonly images = new Set<string>();
  readonly context: ContextPattern[] = [];
  readonly #file: string;
  readonly #buildArgs: Readonly<Record<string, string>>;
  readonly #globals: Record<string, string> = {};
  readonly #aliases = new Set<string>(["scratch"]);
  /** Variables of the current build stage; before the first FROM, none. */
  #scope: Record<string, string> | undefined;

  constructor(file: string, buildArgs: Readonly<Record<string, string>>) {
    this.#file = file;
    this.#buildArgs = buildArgs;
  }

  read(instruction: Instruction): void {
    switch (instruction.keyword) {
      case "ARG":
        return this.#arg(instruction);
      case "ENV":
        return this.#env(instruction);
      case "FROM":
        return this.#from(instruction);
      case "COPY":
      case "ADD":
        return this.#copy(instruction);
      case "RUN":
        return this.#run(instruction);
    }
  }

  #arg(instruction: Instruction): void {
    const scope = this.#scope ?? this.#globals;
    for (const { name, default: fallback } of parseArg(instruction)) {
      this.declared.add(name);
      const value = this.#buildArgs[name] ??
        (fallback === undefined
          ? this.#globals[name]
          : expandWord(fallback, instruction.escape, scope).text);
      if (value !== undefined) scope[name] = value;
    }
  }

  #env({ args, escape }: Instruction): void {
    if (this.#scope === undefined) return;
    const words = splitWords(args, escape).map(({ raw }) => raw);
    const pairs = words[0]?.includes("=")
      ? words.map((word) => [
        word.slice(0, word.indexOf("=")),
        word.slice(word.indexOf("=") + 1),
      ])
      : [[words[0] ?? "", words.slice(1).join(" ")]];
    for (const [name = "", value = ""] of pairs) {
      this.#scope[name] = expandWord(value, escape, this.#scope).text;
    }
  }

  #from(instruction: Instruction): void {
    const { image: written, alias } = parseFrom(instruction);
    const image = expandWord(written, instruction.escape, this.#globals).text;
    if (image === "") {
      throw new KrunnerError(
        `Cannot build with "${this.#file}", line ${instruction.line}: "FROM ${written}" names no image; give the variable a value with "--build-arg", "--base-image" or in krunner.json`,
      );
    }
    this.#image(image);
    if (alias !== undefined) this.#aliases.add(alias);
    this.#scope = {};
  }

  #copy(instruction: Instruction): void {
    const { flags, sources } = parseCopy(instruction);
    if (flags["from"] !== undefined) return this.#fromFlag(flags["from"]);
    for (const source of sources) this.#pattern(source, instruction);
  }

  #run(instruction: Instruction): void {
    for (const [name, value] of parseFlags(instruction).flags) {
      if (name !== "mount") continue;
      const mount = Object.fromEntries(
        value.split(",").map((pair) => pair.split("=", 2)),
      );
      if (mount.from !== undefined) this.#fromFlag(mount.from);
      else if ((mount.type ?? "bind") === "bind") {
        this.#pattern(mount.source ?? mount.src ?? ".", instruction);
      }
    }
  }

  #fromFlag(from: string): void {
    if (!/^\d+$/.test(from)) this.#image(from);
  }

  #image(image: string): void {
    if (!this.#aliases.has(image.toLowerCase())) this.images.add(image);
  }

  #pattern(source: string, { line, escape }: Instruction): void {
    if (/^([a-z]+:\/\/|git@)/.test(source)) return;
    const { variables } = expandWord(source, escape);
    const unknown = Object.fromEntries(variables.map((name) => [name, "*"]));
    const { text } = expandWord(source, escape, { ...unknown, ...this.#scope });
    const pattern = text
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .join("/");
    this.context.push({ pattern, line });
  }
}
