/**
 * Stand-in for `@std/semver`: the same code with its own types, from npm.
 *
 * @module
 */

export {
  compare,
  equals,
  format,
  greaterThan,
  increment,
  lessThan,
  parse,
  tryParse,
} from "npm:std-semver@1.0.8";
export type {
  IncrementOptions,
  ReleaseType,
  SemVer,
} from "npm:std-semver@1.0.8";
