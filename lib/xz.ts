/**
 * How archives are compressed. The options decide the bytes, so they stand here
 * once, and nothing from outside may change them.
 *
 * @module
 */

import { CancelledError, KrunnerError } from "./errors.ts";
import { spawn } from "./process.ts";

/**
 * xz's command line.
 *
 * - The bytes must not depend on the number of threads. They do not between 2
 *   and more; with one, xz before 5.4 writes another format (one block, no
 *   sizes in its header). So one thread is asked for as two.
 * - Blocks of 12 MiB keep two threads busy to the end and feed many on a large
 *   machine, for 2 to 4 % in size (measured by bench/extract.ts).
 * - LZMA2 alone: BusyBox knows no other filter in part of its builds. CRC32 is
 *   the one check that each decoder verifies, small ones included.
 * - `--no-adjust`: rather fail than save memory by other settings.
 */
export function xzArguments(threads: number, preset = 6): string[] {
  return [
    "xz",
    "--compress",
    "--stdout",
    "--format=xz",
    "--check=crc32",
    `--lzma2=preset=${preset}`,
    "--block-size=12MiB",
    `--threads=${Math.max(2, threads)}`,
    "--no-adjust",
  ];
}

/** Starts xz, compressing stdin to stdout, free of the user's own defaults for it. */
export function spawnXz(
  threads: number,
  signal: AbortSignal,
  preset?: number,
): Deno.ChildProcess {
  return spawn(xzArguments(threads, preset), {
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { XZ_DEFAULTS: "", XZ_OPT: "" },
    signal,
  });
}

/** Starts xz, unpacking stdin to stdout, free of the user's own defaults for it. */
export function spawnUnxz(signal: AbortSignal | undefined): Deno.ChildProcess {
  return spawn(["xz", "--decompress", "--stdout", "--format=xz"], {
    stdin: "piped",
    env: { XZ_DEFAULTS: "", XZ_OPT: "" },
    signal,
  });
}

/**
 * Waits for xz's end.
 *
 * @throws {CancelledError} If Ctrl-C ended it: a terminal sends that to all of
 * its processes at once.
 * @throws {KrunnerError} If it failed for another reason.
 */
export async function xzEnd(xz: Deno.ChildProcess): Promise<void> {
  const [status, stderr] = await Promise.all([
    xz.status,
    new Response(xz.stderr).text(),
  ]);
  if (status.success) return;
  if (status.signal === "SIGINT") {
    throw new CancelledError("Cancelled while compressing");
  }
  const state = status.signal === null
    ? stderr.trim().replaceAll("\n", ", ") || `exit code ${status.code}`
    : `ended by ${status.signal}`;
  throw new KrunnerError(
    `Cannot compress with "xz": ${state}; see that there is memory for it, about 100 MB a thread`,
  );
}
