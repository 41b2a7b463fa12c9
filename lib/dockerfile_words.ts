/**
 * Words of a dockerfile instruction: quotes, escapes and variables, by the
 * rules of BuildKit's `parseWords` and `shell.Lex`.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";

/** The character that escapes and continues lines; `# escape=` sets it. */
export type Escape = "\\" | "`";

/** A word as it is written, quotes and escapes included. */
export interface Word {
  /** The characters of the word. */
  raw: string;
  /** Offset of its first character in the text that was split. */
  start: number;
}

/** A word with its quotes and escapes removed and its variables replaced. */
export interface ExpandedWord {
  /** The value. */
  text: string;
  /**
   * For each UTF-16 unit of {@linkcode text}: its offset in the raw word, or
   * -1 where it came out of a variable.
   */
  origins: number[];
  /** Names of the variables that the word mentions, in order. */
  variables: string[];
}

/** Values of variables; a missing or `undefined` one is unset. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** Splits at white space that is neither quoted nor escaped. */
export function splitWords(text: string, escape: Escape): Word[] {
  const words: Word[] = [];
  let start = -1;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (quote === "" && /\s/.test(char)) {
      if (start >= 0) words.push({ raw: text.slice(start, i), start });
      start = -1;
      continue;
    }
    if (start < 0) start = i;
    // Nothing can be escaped between single quotes.
    if (char === escape && quote !== "'") i++;
    else if (char === quote) quote = "";
    else if (quote === "" && (char === '"' || char === "'")) quote = char;
  }
  if (start >= 0) words.push({ raw: text.slice(start), start });
  return words;
}

const NAME = /\d+|[@*#?$!-]|[\p{L}_][\p{L}\p{Nd}_]*/uy;

class Expander {
  readonly #raw: string;
  readonly #escape: Escape;
  readonly #values: Variables;
  readonly variables: string[] = [];
  text = "";
  origins: number[] = [];
  #at = 0;

  constructor(raw: string, escape: Escape, values: Variables) {
    this.#raw = raw;
    this.#escape = escape;
    this.#values = values;
  }

  /** Expands up to the closing brace `}`, or up to the end. */
  run(stop: "}" | ""): void {
    while (this.#at < this.#raw.length) {
      const char = this.#raw.charAt(this.#at);
      if (char === stop) {
        this.#at++;
        return;
      }
      if (char === "'") this.#singleQuoted();
      else if (char === '"') this.#doubleQuoted();
      else if (char === "$") this.#variable();
      else {
        // An escape at the very end is dropped.
        if (char === this.#escape) this.#at++;
        this.#take();
      }
    }
    if (stop !== "") this.#fail(`"${stop}" is missing`);
  }

  #fail(state: string): never {
    throw new KrunnerError(`Cannot read the word ${this.#raw}: ${state}`);
  }

  #take(): void {
    if (this.#at >= this.#raw.length) return;
    this.text += this.#raw.charAt(this.#at);
    this.origins.push(this.#at++);
  }

  #insert(value: string): void {
    this.text += value;
    for (let i = 0; i < value.length; i++) this.origins.push(-1);
  }

  #singleQuoted(): void {
    const end = this.#raw.indexOf("'", ++this.#at);
    if (end < 0) this.#fail("a single quote is not closed");
    while (this.#at < end) this.#take();
    this.#at++;
  }

  #doubleQuoted(): void {
    this.#at++;
    while (this.#at < this.#raw.length) {
      const char = this.#raw.charAt(this.#at);
      if (char === '"') {
        this.#at++;
        return;
      }
      if (char === "$") {
        this.#variable();
        continue;
      }
      const next = this.#raw.charAt(this.#at + 1);
      // Between double quotes an escape counts only before these three.
      if (char === this.#escape && `"$${this.#escape}`.includes(next)) {
        this.#at++;
      }
      this.#take();
    }
    this.#fail("a double quote is not closed");
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#raw)?.[0] ?? "";
    this.#at += name.length;
    if (name !== "") this.variables.push(name);
    return name;
  }

  #value(name: string): string | undefined {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  #variable(): void {
    const dollar = this.#at++;
    if (this.#raw.charAt(this.#at) !== "{") {
      const name = this.#name();
      if (name !== "") this.#insert(this.#value(name) ?? "");
      else {
        this.text += "$";
        this.origins.push(dollar);
      }
      return;
    }
    this.#at++;
    const name = this.#name();
    const modifier = /:?[-+?]|\}/y;
    modifier.lastIndex = this.#at;
    const operator = modifier.exec(this.#raw)?.[0];
    if (name === "" || operator === undefined) {
      this.#fail(
        'only "${NAME}", "${NAME:-word}", "${NAME:+word}" and "${NAME:?word}" are understood',
      );
    }
    this.#at += operator.length;
    if (operator === "}") this.#insert(this.#value(name) ?? "");
    else this.#modified(name, operator);
  }

  /** `${NAME:-word}` and its relatives, from behind the operator on. */
  #modified(name: string, operator: string): void {
    const { text, origins } = this;
    this.text = "";
    this.origins = [];
    this.run("}");
    const word = this.text;
    this.text = text;
    this.origins = origins;

    const value = this.#value(name);
    const isSet = value !== undefined &&
      !(operator.startsWith(":") && value === "");
    if (operator.endsWith("+")) return this.#insert(isSet ? word : "");
    if (isSet) return this.#insert(value);
    if (operator.endsWith("?")) {
      this.#fail(`${name}: ${word || "it must be set"}`);
    }
    this.#insert(word);
  }
}

/**
 * Removes quotes and escapes and replaces variables, and tells where each
 * character came from.
 *
 * @throws {KrunnerError} If a quote or brace is not closed.
 */
export function expandWord(
  raw: string,
  escape: Escape,
  values: Variables = {},
): ExpandedWord {
  const expander = new Expander(raw, escape, values);
  expander.run("");
  const { text, origins, variables } = expander;
  return { text, origins, variables };
}

/**
 * Replaces `$A`, `${A}`, `${A:-word}`, `${A:+word}` and `${A:?word}` (each
 * also without the colon) and removes quotes and escapes, as the dockerfile
 * frontend does for the arguments of FROM, COPY, ADD, ARG and LABEL. Unset
 * variables give nothing. The newer pattern operators (`%`, `#`, `/`) are not
 * understood.
 *
 * @throws {KrunnerError} If a quote or brace is not closed.
 */
export function substitute(
  text: string,
  values: Variables,
  escape: Escape = "\\",
): string {
  return expandWord(text, escape, values).text;
}
