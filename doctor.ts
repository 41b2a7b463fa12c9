/**
 * Tells what a build on this machine would lack: engine, builder, programs, reach of
 * origins and registries, space, and what that means for each distro version.
 *
 * ```sh
 * deno run -A doctor.ts
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
} from "./lib/cli.ts";
import type { Check, State } from "./lib/doctor/check.ts";
import type { DoctorHost, DoctorOptions } from "./lib/doctor/diagnose.ts";
import {
  cacheFolder,
  DIR_OPTION,
  ENGINE_OPTION,
  ENGINES,
  jsonOption,
  oneOf,
  QUIET_OPTION,
  sourcesFolder,
} from "./lib/options.ts";
import { runWithSignals } from "./lib/signals.ts";
import { typedName } from "./lib/typed.ts";

export type { Check, DoctorHost, DoctorOptions, State };

const OPTIONS = {
  dir: DIR_OPTION,
  engine: ENGINE_OPTION,
  sources: {
    type: "string",
    value: "DIR",
    help:
      "Look for sources and base images in this folder, and ask no origin\n(default: the variable KRUNNER_SOURCES, if it is set)",
  },
  json: jsonOption("check"),
  quiet: { ...QUIET_OPTION, help: "Print problems and warnings only" },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Tells what a build on this machine would lack, and what to do. It changes nothing.",
  usage: ["doctor.ts [options] [distro-version]..."],
  options: OPTIONS,
  examples: {
    "deno run -A doctor.ts": "Examine this machine",
    "deno run -A doctor.ts debian12 --json":
      "Can this one be built? For programs",
    "deno run -A doctor.ts --sources /media/sources": "Without a network",
  },
  exitCodes: {
    "0": "A build can work, perhaps with warnings",
    "1": "No build can work, or none of those that are named",
    "2": "Wrong usage",
    "129, 130, 143":
      "Stopped by SIGHUP, Ctrl-C or SIGTERM; nothing is left behind",
  },
};

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {UsageError} If an option or a name is unknown.
 * @throws {KrunnerError} If there is no package directory to look at.
 */
export async function main(args: readonly string[]): Promise<number> {
  const { options, operands, asked } = await parseOptions(args, OPTIONS);
  if (asked !== undefined) {
    return await answerCommon(asked, HELP, typedName("doctor"));
  }
  const engine = oneOf("engine", ENGINES, options.engine) ?? "docker";
  const sources = sourcesFolder(options.sources, Deno.env.get);
  return await runWithSignals(async (signal) => {
    const [{ diagnose }, { canBuild, renderChecks }, { projectRoot }] =
      await Promise.all([
        import("./lib/doctor/diagnose.ts"),
        import("./lib/doctor/report.ts"),
        import("./lib/package_dir.ts"),
      ]);
    const checks = await diagnose(
      { names: operands, dir: options.dir, engine, sources },
      {
        root: projectRoot(import.meta.dirname ?? ".", Deno.cwd()),
        cache: cacheFolder(Deno.env.get),
        hostname: Deno.hostname(),
        signal,
      },
    );
    const shown = checks.filter(({ state }) =>
      !options.quiet || state !== "ok"
    );
    if (options.json) {
      for (const check of shown) console.log(JSON.stringify(check));
    } else if (shown.length > 0) console.log(renderChecks(shown));
    return canBuild(checks) ? 0 : 1;
  });
}

if (import.meta.main) await runMain(main);
