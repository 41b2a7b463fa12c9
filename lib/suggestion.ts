/**
 * "Did you mean …?"
 *
 * @module
 */

import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/**
 * The known word that somebody may have meant, `undefined` where none is near:
 * more than two characters, and more than a third, would have to change.
 */
export function nearestWord(
  word: string,
  known: readonly string[],
): string | undefined {
  if (known.length === 0) return undefined;
  const nearest = closestString(word, [...known]);
  const isNear = levenshteinDistance(word, nearest) <=
    Math.max(2, word.length / 3);
  return isNear ? nearest : undefined;
}
