/**
 * Options of the scripts that make wheels.
 *
 * @module
 */

import type { OptionSpecs, OptionValues } from "../cli.ts";

/** `--out` and `--max-size`. */
export const WHEEL_OPTIONS = {
  out: {
    type: "string",
    value: "DIR",
    help: "The folder for wheels and sdist (default: dist)",
  },
  "max-size": {
    type: "string",
    value: "SIZE",
    help: "What the package index takes: 250MB, 0.5GB (default: 100MB)",
  },
} as const satisfies OptionSpecs;

/**
 * What {@linkcode WHEEL_OPTIONS} say: the folder, without a slash at its end, and
 * the largest size of a file in bytes.
 *
 * @throws {UsageError} If `--max-size` is no size.
 */
export async function parseWheelOptions(
  { out = "dist", "max-size": size }: OptionValues<typeof WHEEL_OPTIONS>,
): Promise<{ out: string; maxSize: number }> {
  const { DEFAULT_MAX_SIZE, parseSize } = await import("./sizes.ts");
  return {
    out: out.replace(/(?<=.)\/+$/, ""),
    maxSize: size === undefined ? DEFAULT_MAX_SIZE : parseSize(size),
  };
}
