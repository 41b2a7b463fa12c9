/**
 * `build.ts --help` against the least that Deno can do.
 *
 * @module
 */

import { type Bar, bar, median, run } from "./measure.ts";

const BUILD = new URL("../build.ts", import.meta.url).pathname;
const ROUNDS = 21;

/** Measures in turns, so that a busy machine slows both alike. */
export async function benchHelp(): Promise<Bar[]> {
  const deno = Deno.execPath();
  const times: Record<"least" | "help", number[]> = { least: [], help: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (
      const [name, argv] of [
        ["least", [deno, "eval", "0"]],
        ["help", [deno, "run", "-A", BUILD, "--help"]],
      ] as const
    ) {
      const start = performance.now();
      await run(argv);
      times[name].push(performance.now() - start);
    }
  }
  const ratio = median(times.help) / median(times.least);
  return [bar("build.ts --help against deno eval 0", ratio, "<", 2, "x")];
}
