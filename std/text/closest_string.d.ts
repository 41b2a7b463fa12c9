/**
 * Types of `closestString`, cut to what this project uses.
 *
 * @module
 */

/** Options of {@linkcode closestString}. */
export interface ClosestStringOptions {
  /** Whether case counts; `false` by default. */
  caseSensitive?: boolean;
  /** How far two words are apart; `levenshteinDistance` by default. */
  compareFn?: (a: string, b: string) => number;
}

/**
 * The word nearest to another.
 *
 * @throws {TypeError} If there are no words.
 */
export function closestString(
  givenWord: string,
  possibleWords: string[],
  options?: ClosestStringOptions,
): string;
