/**
 * Stand-in for `@std/fmt/colors`: the same code, from npm, typed by hand.
 *
 * @module
 */

// @ts-types="./colors.d.ts"
export {
  bold,
  cyan,
  dim,
  getColorEnabled,
  gray,
  green,
  red,
  setColorEnabled,
  stripAnsiCode,
  yellow,
} from "npm:deno-std@1.4.0/fmt/colors.js";
