/**
 * Wildcards of COPY and ADD: the builders match them with Go's `filepath.Match`,
 * which is neither a shell's rules nor those of `globToRegExp`.
 *
 * @module
 */

const CHARACTER = String.raw`(?:\\.|[^\\\]-])`;
const RANGE = `(${CHARACTER})(?:-(${CHARACTER}))?`;
const TERM = new RegExp(
  String.raw`(\*)|(\?)|\[(\^|(?!\^))((?:${RANGE})+)\]|\\(.)|([^*?[\\])`,
  "suy",
);

/** Whether a pattern may stand for more, or less, than one file. */
export function hasWildcard(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

/**
 * The regular expression for one component of a path, `undefined` where the
 * pattern is malformed.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 *
 * assert(wildcardToRegExp("ttyd_linux.*.bi[n]")?.test("ttyd_linux.x86_64.bin"));
 * ```
 */
export function wildcardToRegExp(pattern: string): RegExp | undefined {
  let source = "";
  TERM.lastIndex = 0;
  while (TERM.lastIndex < pattern.length) {
    const match = TERM.exec(pattern);
    if (match === null) return undefined;
    const [, star, question, not, ranges, , , escaped, literal] = match;
    if (star !== undefined) source += ".*";
    else if (question !== undefined) source += ".";
    else if (ranges !== undefined) source += `[${not}${toClass(ranges)}]`;
    else source += RegExp.escape((escaped ?? literal)!);
  }
  return new RegExp(`^${source}$`, "su");
}

/** The inside of a character class; a range that runs backwards is empty. */
function toClass(ranges: string): string {
  return [...ranges.matchAll(new RegExp(RANGE, "gsu"))]
    .map(([, from = "", to = from]) => [bare(from), bare(to)] as const)
    .filter(([from, to]) => from.codePointAt(0)! <= to.codePointAt(0)!)
    .map(([from, to]) => `${RegExp.escape(from)}-${RegExp.escape(to)}`)
    .join("");
}

/** A character without the backslash in front of it. */
function bare(character: string): string {
  return character.length > 1 && character.startsWith("\\")
    ? character.slice(1)
    : character;
}
