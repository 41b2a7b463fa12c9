/**
 * Stand-in for `@std/toml/parse`: the same code, from npm, typed by hand.
 *
 * @module
 */

// @ts-types="./parse.d.ts"
export { parse } from "npm:deno-std@1.4.0/toml/parse.js";
