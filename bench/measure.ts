/**
 * What the measurements share.
 *
 * @module
 */

import { CancelledError, KrunnerError } from "../lib/errors.ts";

/** One measured number and what it must be. */
export interface Bar {
  /** What was measured. */
  readonly name: string;
  /** The number. */
  readonly value: number;
  /** How it must stand to the limit. */
  readonly relation: ">=" | "<=" | "<";
  /** The limit. */
  readonly limit: number;
  /** What the number counts. */
  readonly unit: string;
  /** What the number was made of: `0.19 s against 0.78 s`. */
  readonly detail?: string;
}

/** Something worth knowing beside the numbers, that nothing is demanded of. */
export interface Fact {
  /** What was looked at. */
  readonly name: string;
  /** What was found. */
  readonly detail: string;
}

/** One line of the report. */
export type Row = Bar | Fact;

/** Makes a {@linkcode Bar}. */
export function bar(
  name: string,
  value: number,
  relation: Bar["relation"],
  limit: number,
  unit: string,
  detail?: string,
): Bar {
  return {
    name,
    value,
    relation,
    limit,
    unit,
    ...detail === undefined ? {} : { detail },
  };
}

/** Makes a {@linkcode Fact}. */
export function fact(name: string, detail: string): Fact {
  return { name, detail };
}

/** Whether a line has a number that must be something. */
export function isBar(row: Row): row is Bar {
  return "limit" in row;
}

/** Whether the number is what it must be. */
export function holds({ value, relation, limit }: Bar): boolean {
  switch (relation) {
    case ">=":
      return value >= limit;
    case "<=":
      return value <= limit;
    case "<":
      return value < limit;
  }
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/**
 * Runs a program and returns its stdout, trimmed.
 *
 * @throws {KrunnerError} If it fails, with what it said.
 */
export async function run(
  [program = "", ...args]: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    env,
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new KrunnerError(
      `Cannot run "${[program, ...args].join(" ")}": ${
        decoder.decode(stderr).trim()
      }`,
    );
  }
  return decoder.decode(stdout).trim();
}

/** How long `work` takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** One round of measuring the usual way and this project's. */
export interface Round<T> {
  /** What the usual way took. */
  readonly usual: T;
  /** What ours took. */
  readonly ours: T;
}

/**
 * Measures two ways in turns, each first in every other round.
 *
 * @throws {CancelledError} Before the next round, once the signal is aborted.
 */
export async function takeTurns<T>(
  rounds: number,
  usual: () => Promise<T>,
  ours: () => Promise<T>,
  signal?: AbortSignal,
): Promise<Round<T>[]> {
  const taken: Round<T>[] = [];
  for (let round = 0; round < rounds; round++) {
    if (signal?.aborted) throw new CancelledError("Cancelled the measurements");
    if (round % 2 === 0) {
      taken.push({ usual: await usual(), ours: await ours() });
    } else {
      taken.push({ ours: await ours(), usual: await usual() });
    }
  }
  return taken;
}

/** What rounds say: the medians of both ways. */
export interface Comparison extends Round<number> {
  /** How many times less ours takes: the median of the rounds' own ratios. */
  readonly ratio: number;
}

/**
 * Sums up rounds. A machine that is busy for a while slows both ways down, so
 * that a round's own ratio is hardly touched by it.
 */
export function compare(rounds: readonly Round<number>[]): Comparison {
  return {
    usual: median(rounds.map(({ usual }) => usual)),
    ours: median(rounds.map(({ ours }) => ours)),
    ratio: median(rounds.map(({ usual, ours }) => usual / ours)),
  };
}

/** Times in milliseconds as people read them: `190 ms against 0.78 s`. */
export function durations({ ours, usual }: Round<number>): string {
  const text = (milliseconds: number) =>
    milliseconds < 999.5
      ? `${Math.round(milliseconds)} ms`
      : `${(milliseconds / 1000).toFixed(2)} s`;
  return `${text(ours)} against ${text(usual)}`;
}

/** Runs `work` in a new folder that is removed afterwards. */
export async function withTempDir<T>(
  work: (dir: string) => Promise<T>,
): Promise<T> {
  const dir = await Deno.makeTempDir({ prefix: "krunner-bench-" });
  try {
    return await work(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
