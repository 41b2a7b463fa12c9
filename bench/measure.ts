/**
 * What the measurements share.
 *
 * @module
 */

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
}

/** Makes a {@linkcode Bar}. */
export function bar(
  name: string,
  value: number,
  relation: Bar["relation"],
  limit: number,
  unit: string,
): Bar {
  return { name, value, relation, limit, unit };
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

/** Runs a program and returns its stdout, trimmed. Fails as the program does. */
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
    throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout).trim();
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
