/**
 * Types of `globToRegExp`, cut to what this project uses.
 *
 * @module
 */

/** Options of {@linkcode globToRegExp}. */
export interface GlobOptions {
  /** Whether `@(…)` and its kin are understood; `true` by default. */
  extended?: boolean;
  /** Whether `**` crosses folders; `true` by default. */
  globstar?: boolean;
}

/** The regular expression that matches what the glob does. */
export function globToRegExp(glob: string, options?: GlobOptions): RegExp;
