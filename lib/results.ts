/**
 * What a script does with several things of which some may fail: one failure does
 * not stop the others, each is told of, and the exit code says whether there was
 * any.
 *
 * @module
 */

import { CancelledError, describeError, type Failure } from "./errors.ts";
import { type Progress, progressOnStderr, type Verbosity } from "./progress.ts";

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

/** How results are printed. */
export interface ResultView<R> {
  /** For people. */
  readonly render: (result: R) => string;
  /** As one JSON document. */
  readonly toJson: (result: R) => object;
}

/** What a run that gives results says of them on its way. */
export interface ResultEvents<R> {
  /** Shows how it goes. */
  readonly progress: Progress;
  /** Gets each result as soon as it is there. */
  readonly onResult: (result: R) => void;
}

/**
 * Does `work` with its progress on stderr and prints what comes of it: JSON as soon
 * as it is there, failures and texts for people at the end.
 *
 * @param term The value of `TERM`.
 * @returns The exit code.
 */
export async function showResults<R extends Result>(
  work: (events: ResultEvents<R>) => Promise<R[]>,
  { render, toJson }: ResultView<R>,
  { json, verbosity }: {
    readonly json: boolean;
    readonly verbosity: Verbosity;
  },
  term: string | undefined,
): Promise<number> {
  using progress = progressOnStderr(verbosity, term);
  const results = await work({
    progress,
    onResult: (result) => {
      if (json) console.log(JSON.stringify(toJson(result)));
    },
  });
  progress[Symbol.dispose]();
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
