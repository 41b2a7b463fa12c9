/**
 * Runs the measurements and shows all in one table:
 *
 * ```sh
 * deno task bench
 * deno task bench help volume
 * ```
 *
 * @module
 */

import {
  answerCommon,
  COMMON_OPTIONS,
  type Help,
  type OptionSpecs,
  parseOptions,
  runMain,
  suggestion,
} from "../lib/cli.ts";
import { CancelledError, KrunnerError, UsageError } from "../lib/errors.ts";
import { runWithSignals } from "../lib/signals.ts";
import { type Row, run } from "./measure.ts";
import { isMissed, renderMarkdown, renderReport } from "./report.ts";

/** A measurement: its name, and how it is found. */
const BENCHES: Readonly<
  Record<string, () => Promise<(signal: AbortSignal) => Promise<Row[]>>>
> = {
  help: async () => (await import("./help.ts")).benchHelp,
  nothing_to_do: async () =>
    (await import("./nothing_to_do.ts")).benchNothingToDo,
  extract: async () => {
    const { benchExtract } = await import("./extract.ts");
    return () => benchExtract();
  },
  volume: async () => (await import("./volume.ts")).benchVolume,
  wheel: async () => (await import("./wheel.ts")).benchWheel,
};

const OPTIONS = {
  markdown: { type: "boolean", help: "Print the table of the README" },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

const HELP: Help = {
  summary:
    "Measures this project against the usual way, side by side, on this machine.",
  usage: ["bench/run.ts [options] [name]..."],
  commands: {
    help: "How fast build.ts --help is",
    nothing_to_do: "build.ts where all is up to date",
    extract: "From the engine's tar stream to the archive",
    volume: "Start-up, sizes and filling of a volume",
    wheel: "The wheel and the sdist of three archives",
  },
  options: OPTIONS,
  examples: {
    "deno task bench": "Run all",
    "deno task bench help volume": "Run some",
  },
  exitCodes: {
    "0": "Every number is what it must be",
    "1": "Some number is not, or could not be measured",
    "2": "Wrong usage",
    "130, 143": "Stopped by Ctrl-C or SIGTERM; nothing is left behind",
  },
};

/** @throws {UsageError} If there is no measurement of one of the names. */
async function checkNames(names: readonly string[]): Promise<void> {
  const known = Object.keys(BENCHES);
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new UsageError(
      `Unknown measurement "${name}"${
        await suggestion(name, known) || `; there are ${known.join(", ")}`
      }`,
    );
  }
}

/** The processor's name, `""` where the kernel does not tell it this way. */
async function processorName(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*:\s*(.+)$/m.exec(text)?.[1] ?? "";
}

/** Where and when the numbers were measured, in one line. */
async function describeMachine(): Promise<string> {
  const engine = await run(
    ["docker", "version", "--format", "{{.Server.Version}}"],
  );
  const memory = Deno.systemMemoryInfo().total / 1024 ** 3;
  const processor = await processorName();
  return [
    new Date().toISOString().slice(0, 10),
    `${navigator.hardwareConcurrency} cores${processor && ` (${processor})`}`,
    `${memory.toFixed(0)} GB`,
    `Linux ${Deno.osRelease()}`,
    `Docker ${engine}`,
    `Deno ${Deno.version.deno}`,
  ].join(", ");
}

/** Says so where other programs keep the machine busy. */
function warnIfBusy(): void {
  const [load = 0] = Deno.loadavg();
  if (load <= navigator.hardwareConcurrency / 2) return;
  console.error(
    `Notice: other programs keep this machine busy (load ${
      load.toFixed(1)
    }): the numbers will be noisy`,
  );
}

/** Runs a measurement; one that fails is told of, and has no rows. */
async function measure(
  name: string,
  signal: AbortSignal,
): Promise<Row[] | undefined> {
  console.error(`Measuring ${name}…`);
  const bench = await BENCHES[name]!();
  try {
    return await bench(signal);
  } catch (error) {
    // Ctrl-C ends the programs that are measured, too.
    if (signal.aborted) throw new CancelledError("Cancelled the measurements");
    if (!(error instanceof KrunnerError)) throw error;
    console.error(`error: Cannot measure "${name}": ${error.message}`);
    return undefined;
  }
}

/** Runs measurements and prints the table; returns the exit code. */
async function measureAll(
  names: readonly string[],
  render: (rows: readonly Row[]) => string,
  signal: AbortSignal,
): Promise<number> {
  const rows: Row[] = [];
  let isComplete = true;
  for (const name of names) {
    const more = await measure(name, signal);
    if (more === undefined) isComplete = false;
    else rows.push(...more);
  }
  console.log(`${await describeMachine()}\n\n${render(rows)}`);
  return isComplete && !isMissed(rows) ? 0 : 1;
}

async function main(args: string[]): Promise<number> {
  const { options, operands, asked } = await parseOptions(args, OPTIONS);
  if (asked !== undefined) {
    return await answerCommon(asked, HELP, "bench/run.ts");
  }
  await checkNames(operands);
  const names = operands.length > 0 ? operands : Object.keys(BENCHES);
  const render = options.markdown ? renderMarkdown : renderReport;
  warnIfBusy();
  return await runWithSignals((signal) => measureAll(names, render, signal));
}

if (import.meta.main) await runMain(main);
