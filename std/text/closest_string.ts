/**
 * Stand-in for `@std/text/closest-string`: the same code, from npm, typed by
 * hand.
 *
 * @module
 */

// @ts-types="./closest_string.d.ts"
export { closestString } from "npm:deno-std@1.4.0/text/closest_string.js";
