/**
 * Stand-in for `@std/fmt/bytes`: the same code, from npm, typed by hand.
 *
 * @module
 */

// @ts-types="./bytes.d.ts"
export { format } from "npm:deno-std@1.4.0/fmt/bytes.js";
