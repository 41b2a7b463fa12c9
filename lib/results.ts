/**
 * What a script does with several things of which some may fail: one failure does
 * not stop the others, each is told of, and the exit code says whether there was
 * any.
 *
 * @module
 */

import { CancelledError, describeError, type Failure } from "./errors.ts";
import type { Verbosity } from "./progress.ts";

/** How one of several builds came out. */
type Result =
  | { readonly status: "built" | "collected" | "planned" | "up-to-date" }
  | Failure & { readonly status: "failed" };

/** A failure with its log's path and last lines, for stderr. */
export function renderFailure(
  { message, log, lastLines }: Failure,
): string {
  return [
    `error: ${message}`,
    ...log === undefined ? [] : [`  Log: ${log}`],
    ...(lastLines ?? []).map((line) => `  | ${line}`),
  ].join("\n");
}

/**
 * Prints failures to stderr and all results to stdout, the latter not where they
 * were printed as JSON or are not wanted.
 *
 * @returns The exit code.
 */
export function showResults<R extends Result>(
  results: readonly R[],
  render: (result: R) => string,
  { json, verbosity }: {
    readonly json: boolean;
    readonly verbosity: Verbosity;
  },
): number {
  const all: readonly Result[] = results;
  const failures = all.filter((result) => result.status === "failed");
  for (const failure of failures) console.error(renderFailure(failure));
  if (!json && verbosity !== "quiet") {
    for (const result of results) console.log(render(result));
  }
  return failures.length === 0 ? 0 : 1;
}

/**
 * Does `job` for one item after the other, and prints what goes wrong with one.
 *
 * @returns The exit code.
 * @throws {CancelledError} If a job throws it: there is no next one then.
 */
export async function doEach<Item>(
  items: readonly Item[],
  job: (item: Item) => Promise<void>,
): Promise<number> {
  let exitCode = 0;
  for (const item of items) {
    try {
      await job(item);
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      console.error(`error: ${describeError(error).message}`);
      exitCode = 1;
    }
  }
  return exitCode;
}
