/**
 * Runs the tests, then shows how much of the code they ran:
 *
 *   deno task test                            all, with the line coverage
 *   deno task test tests/diff.test.ts         some, with no bar for coverage
 *   deno task test --filter "tryParse()"
 *
 * Files named `*_engine.test.ts` build on a real engine: they run one after
 * another, the others side by side. The bar is in `deno.json` ("coverage").
 *
 * @module
 */

import { stripAnsiCode } from "@std/fmt/colors";

const ROOT = new URL("../", import.meta.url);

/** How tests ended. */
export interface Counts {
  /** Tests that held. */
  passed: number;
  /** Tests that did not, and files that could not be run. */
  failed: number;
  /** Tests that were left out. */
  skipped: number;
}

/**
 * Reads the last line of `deno test`: `ok | 5 passed (3 steps) | 0 failed |
 * 1 ignored (2s)`. A run that ended badly counts as a failure, whatever it
 * printed: it may have crashed first.
 */
export function readCounts(output: string, success: boolean): Counts {
  const summary = stripAnsiCode(output).match(
    /^(?:ok|FAILED) \| \d+ passed.*$/gm,
  )?.at(-1) ?? "";
  const count = (word: string) =>
    Number(new RegExp(`(\\d+) ${word}`).exec(summary)?.[1] ?? 0);
  const failed = count("failed");
  return {
    passed: count("passed"),
    failed: success ? failed : Math.max(failed, 1),
    skipped: count("ignored"),
  };
}

/** The closing line. */
export function renderCounts({ passed, failed, skipped }: Counts): string {
  const line = `${passed} passed, ${failed} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}

function add(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}

/** Runs this Deno in the project's folder; stdout is passed on and returned. */
async function runDeno(
  ...args: string[]
): Promise<{ output: string; success: boolean }> {
  const isPlain = Deno.noColor || !Deno.stdout.isTerminal();
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    stdout: "piped",
    env: isPlain ? {} : { FORCE_COLOR: "1" },
  }).spawn();
  const [forUser, forUs] = child.stdout.tee();
  const [output] = await Promise.all([
    new Response(forUs).text(),
    forUser.pipeTo(Deno.stdout.writable, { preventClose: true }),
  ]);
  return { output, success: (await child.status).success };
}

/** The test files, by whether they need an engine to themselves. */
async function findTests(): Promise<{ unit: string[]; engine: string[] }> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(new URL("tests/", ROOT))) {
    if (name.endsWith(".test.ts")) files.push(`tests/${name}`);
  }
  const { unit = [], engine = [] } = Object.groupBy(
    files.sort(),
    (file) => file.endsWith("_engine.test.ts") ? "engine" : "unit",
  );
  return { unit, engine };
}

/** Runs all tests, then judges the coverage of `lib/` and the scripts. */
async function runAll(): Promise<{ counts: Counts; isCovered: boolean }> {
  // Absolute, because child processes write there from other folders too.
  const raw = new URL("coverage/raw", ROOT);
  await Deno.remove(raw, { recursive: true }).catch(() => {});
  const test = ["test", "-A", `--coverage=${raw.pathname}`];
  const { unit, engine } = await findTests();
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const args of [["--parallel", ...unit], engine]) {
    if (args.length === 0) continue;
    const run = await runDeno(...test, "--coverage-raw-data-only", ...args);
    counts = add(counts, readCounts(run.output, run.success));
  }
  const { success } = await runDeno(
    "coverage",
    `--include=^${ROOT}(lib/|[^/]+\\.ts$)`,
    raw.pathname,
  );
  return { counts, isCovered: success };
}

/** Runs the given tests only. */
async function runSome(args: readonly string[]): Promise<Counts> {
  const { output, success } = await runDeno("test", "-A", ...args);
  return readCounts(output, success);
}

/** The whole run; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const { counts, isCovered } = args.length === 0
    ? await runAll()
    : { counts: await runSome(args), isCovered: true };
  if (!isCovered) console.log("Coverage is too low: see the table above");
  if (counts.passed === 0) console.log("No test has run");
  console.log(`\n${renderCounts(counts)}`);
  return counts.failed === 0 && counts.passed > 0 && isCovered ? 0 : 1;
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
