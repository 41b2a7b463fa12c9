/**
 * Stand-in for `@std/path/posix/glob-to-regexp`: the same code, from npm, typed
 * by hand.
 *
 * @module
 */

// @ts-types="./posix_glob_to_regexp.d.ts"
export { globToRegExp } from "npm:deno-std@1.4.0/path/posix/glob_to_regexp.js";
