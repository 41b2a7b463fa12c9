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
import { type Escape, expandWord, splitWords } from "./dockerfile_words.ts";
import { KrunnerError } from "./errors.ts";

/** A file, folder or wildcard that the dockerfile takes from the context. */
export interface ContextPattern {
  /** Relative to the context's root, without a leading `./` or `/`. */
  readonly pattern: string;
  /** The dockerfile's line that names it, from 1. */
  readonly line: number;
  /** Whether a variable in it is empty, which is how people say "not this one". */
  readonly hasEmptyVariable?: true;
}

/** What a dockerfile needs. */
export interface StageFile {
  /** Names of all build arguments that it declares. */
  readonly declaredArgs: ReadonlySet<string>;
  /** Images that it is made from or copies from, variables replaced. */
  readonly images: readonly string[];
  /**
   * The image that its last build stage is made from in the end, whatever stages
   * are in between.
   */
  readonly parent: string;
  /** What it takes from the build context. */
  readonly context: readonly ContextPattern[];
  /** The frontend image of its `# syntax=` directive. */
  readonly syntax?: string;
  /** What only BuildKit understands, where there is such a thing. */
  readonly buildKitOnly?: BuildKitOnly;
}

/** An instruction that the classic builder fails at. */
export interface BuildKitOnly {
  /** What it uses. */
  readonly feature: "here-document" | "mount";
  /** The dockerfile's line, from 1. */
  readonly line: number;
}

/**
 * Reads a dockerfile with the build arguments that will be given to it.
 *
 * A file's name ends with a `*` where a variable begins that only the base image
 * can define: a file too many in the context does no harm.
 *
 * @throws {KrunnerError} If the dockerfile's syntax is broken, or a FROM line
 * names no image because a variable has no value.
 */
export function readStageFile(
  text: string,
  file: string,
  buildArgs: Readonly<Record<string, string>>,
): StageFile {
  const reader = new StageReader(buildArgs);
  const { instructions, syntax } = parseDockerfile(text, file);
  for (const instruction of instructions) {
    if (instruction.onbuild) continue;
    try {
      reader.read(instruction);
    } catch (cause) {
      if (!(cause instanceof KrunnerError)) throw cause;
      throw new KrunnerError(
        `${cause.message} ("${file}", line ${instruction.line})`,
        { cause },
      );
    }
  }
  return {
    declaredArgs: reader.declared,
    images: [...reader.images],
    parent: reader.parent,
    context: reader.context,
    ...syntax === undefined ? {} : { syntax },
    ...reader.buildKitOnly === undefined
      ? {}
      : { buildKitOnly: reader.buildKitOnly },
  };
}

class StageReader {
  readonly declared = new Set<string>();
  readonly images = new Set<string>();
  readonly context: ContextPattern[] = [];
  parent = "";
  buildKitOnly: BuildKitOnly | undefined;
  readonly #buildArgs: Readonly<Record<string, string>>;
  readonly #globals: Record<string, string> = {};
  /** Names of build stages, and what each is made from in the end. */
  readonly #aliases = new Map<string, string>([["scratch", "scratch"]]);
  /** Variables of the current build stage; before the first FROM, none. */
  #scope: Record<string, string> | undefined;
  /** Those of them that ENV set: ARG does not change them any more. */
  #env = new Set<string>();

  constructor(buildArgs: Readonly<Record<string, string>>) {
    this.#buildArgs = buildArgs;
  }

  read(instruction: Instruction): void {
    if (instruction.heredocs.length > 0) {
      this.#needsBuildKit("here-document", instruction);
    }
    switch (instruction.keyword) {
      case "ARG":
        return this.#readArg(instruction);
      case "ENV":
        return this.#readEnv(instruction);
      case "FROM":
        return this.#readFrom(instruction);
      case "COPY":
      case "ADD":
        return this.#readCopy(instruction);
      case "RUN":
        return this.#readRun(instruction);
    }
  }

  #readArg(instruction: Instruction): void {
    for (const { name, default: fallback } of parseArg(instruction)) {
      this.declared.add(name);
      if (this.#env.has(name)) continue;
      const value = this.#buildArgs[name] ??
        (fallback === undefined
          ? this.#globals[name]
          : this.#expand(fallback, instruction.escape));
      if (value !== undefined) (this.#scope ?? this.#globals)[name] = value;
    }
  }

  #readEnv({ args, escape }: Instruction): void {
    if (this.#scope === undefined) return;
    const words = splitWords(args, escape).map(({ raw }) => raw);
    const pairs = words[0]?.includes("=")
      ? words.map((word) => [
        word.slice(0, word.indexOf("=")),
        word.slice(word.indexOf("=") + 1),
      ])
      : [[words[0] ?? "", words.slice(1).join(" ")]];
    for (const [name = "", value = ""] of pairs) {
      this.#scope[name] = this.#expand(value, escape);
      this.#env.add(name);
    }
  }

  #readFrom(instruction: Instruction): void {
    const { image: written, alias } = parseFrom(instruction);
    const image = expandWord(written, instruction.escape, this.#globals).text;
    if (image === "") {
      throw new KrunnerError(
        `"FROM ${written}" names no image: give the variable a value with "--build-arg", "--base-image" or in krunner.json`,
      );
    }
    this.#image(image);
    this.parent = this.#aliases.get(image.toLowerCase()) ?? image;
    if (alias !== undefined) this.#aliases.set(alias, this.parent);
    this.#scope = {};
    this.#env = new Set();
  }

  #readCopy(instruction: Instruction): void {
    const { flags, sources } = parseCopy(instruction);
    if (flags["from"] !== undefined) return this.#fromFlag(flags["from"]);
    for (const source of sources) this.#pattern(source, instruction);
  }

  #readRun(instruction: Instruction): void {
    for (const [name, value] of parseFlags(instruction).flags) {
      if (name !== "mount") continue;
      this.#needsBuildKit("mount", instruction);
      const mount = Object.fromEntries(
        value.split(",").map((pair) => pair.split("=", 2)),
      );
      if (mount.from !== undefined) this.#fromFlag(mount.from);
      else if ((mount.type ?? "bind") === "bind") {
        this.#pattern(mount.source ?? mount.src ?? ".", instruction);
      }
    }
  }

  /** The first of them, or the first here-document: fewer builders know those. */
  #needsBuildKit(
    feature: BuildKitOnly["feature"],
    { line }: Instruction,
  ): void {
    const known = this.buildKitOnly?.feature;
    if (known === "here-document" || known === feature) return;
    this.buildKitOnly = { feature, line };
  }

  #fromFlag(from: string): void {
    if (!/^\d+$/.test(from)) this.#image(from);
  }

  #image(image: string): void {
    if (!this.#aliases.has(image.toLowerCase())) this.images.add(image);
  }

  #pattern(source: string, { line, escape }: Instruction): void {
    const text = this.#expand(source, escape);
    if (/^([a-z]+:\/\/|git@)/i.test(text)) return;
    const [known = ""] = text.split(UNKNOWN);
    const parts = (known === text ? text : `${known}*`)
      .split("/")
      .filter((part) => part !== "" && part !== ".");
    const variables = this.#scope ?? this.#globals;
    const isEmpty = expandWord(source, escape).variables
      .some((name) => variables[name] === "");
    this.context.push({
      pattern: parts.join("/"),
      line,
      ...isEmpty ? { hasEmptyVariable: true } : {},
    });
  }

  /** Replaces variables; in a build stage, an {@linkcode UNKNOWN} may be left. */
  #expand(word: string, escape: Escape): string {
    if (this.#scope === undefined) {
      return expandWord(word, escape, this.#globals).text;
    }
    const { variables } = expandWord(word, escape);
    const unknown = variables.map((name) => [name, UNKNOWN]);
    const values = { ...Object.fromEntries(unknown), ...this.#scope };
    return expandWord(word, escape, values).text;
  }
}

/** Stands for the value of a variable that only the base image can define. */
const UNKNOWN = "\0";
