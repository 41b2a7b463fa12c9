/**
 * `build.ts --help` against the least that Deno can do.
 *
 * @module
 */

import {
  bar,
  compare,
  durations,
  type Row,
  run,
  takeTurns,
  timed,
} from "./measure.ts";

const BUILD = new URL("../build.ts", import.meta.url).pathname;
const ROUNDS = 31;

/** Measures whole processes, from their start to their end. */
export async function benchHelp(signal?: AbortSignal): Promise<Row[]> {
  const deno = Deno.execPath();
  const least = () => timed(() => run([deno, "eval", "0"]));
  const help = () => timed(() => run([deno, "run", "-A", BUILD, "--help"]));
  // From the second run on Deno has what it compiles of a script in its cache.
  await help();
  const times = compare(await takeTurns(ROUNDS, least, help, signal));
  return [
    bar(
      "build.ts --help against deno eval 0",
      1 / times.ratio,
      "<",
      2,
      "x",
      durations(times),
    ),
  ];
}
