/**
 * Types of `levenshteinDistance`.
 *
 * @module
 */

/** How many characters must be added, removed or replaced between two words. */
export function levenshteinDistance(str1: string, str2: string): number;
