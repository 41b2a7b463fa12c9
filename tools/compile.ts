/**
 * Makes one program of everything, `dist/krunner`, for this machine or others:
 *
 *   deno task compile
 *   deno task compile --target aarch64-unknown-linux-gnu
 *
 * It is the bundle `krunner.js` and Deno's runtime (`denort`), which `deno compile`
 * downloads.
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
} from "../lib/cli.ts";
import { KrunnerError, UsageError } from "../lib/errors.ts";
import { oneOf } from "../lib/options.ts";
import { capture } from "../lib/process.ts";
import config from "../deno.json" with { type: "json" };
import { bundle } from "./bundle.ts";

const PROJECT = new URL("../", import.meta.url).pathname.replace(/\/$/, "");

/** Where krunner can run: where a container engine's client and xz are. */
const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
] as const;

const OPTIONS = {
  target: {
    type: "collect",
    value: "TRIPLE",
    values: TARGETS,
    help: `Another machine: ${
      TARGETS.join(",\n")
    }\n(default: this machine's); may be repeated`,
  },
  dir: {
    type: "string",
    value: "DIR",
    help: "Where to put the programs (default: dist)",
  },
  ...COMMON_OPTIONS,
} as const satisfies OptionSpecs;

const HELP: Help = {
  summary:
    "Makes dist/krunner: one program with Deno, all scripts and the dockerfiles.",
  usage: ["deno task compile [options]"],
  options: OPTIONS,
  examples: {
    "deno task compile": "For this machine",
    "deno task compile --target aarch64-unknown-linux-gnu":
      "For another: dist/krunner-aarch64-unknown-linux-gnu",
    "DENORT_BIN=/media/denort deno task compile":
      "On a host that cannot download denort",
  },
  exitCodes: { "0": "Done", "1": "Failed", "2": "Wrong usage" },
};

/** A permission set of `deno.json` as flags of the command line. */
export function permissionFlags(
  set: Readonly<Record<string, boolean | readonly string[]>>,
): string[] {
  return Object.entries(set).flatMap(([name, value]) =>
    value === true
      ? [`--allow-${name}`]
      : value === false
      ? []
      : [`--allow-${name}=${value.join(",")}`]
  );
}

/**
 * What went wrong, from the words of `deno compile`: that it lacks `denort` is
 * nobody's mistake, and there is a way around it.
 */
export function compileFault(target: string, stderr: string): string {
  const url = /https:\/\/[^\s)"]*denort[^\s)"]*/.exec(stderr)?.[0];
  if (url !== undefined) {
    return `Cannot compile for ${target}: denort cannot be downloaded (${url}); get and unpack it where that is reached, and run DENORT_BIN=/path/to/denort deno task compile --target ${target}`;
  }
  const path = /Could not find denort at '([^']*)'/.exec(stderr)?.[1];
  if (path !== undefined) {
    return `Cannot compile for ${target}: DENORT_BIN names "${path}", which is not there; correct it, or unset it to download denort`;
  }
  return `Cannot compile for ${target}: "deno compile" says: ${stderr.trim()}`;
}

/** Compiles a bundle for one machine. */
async function compile(
  script: string,
  target: string,
  output: string,
): Promise<void> {
  const { code, stderr } = await capture(
    [
      Deno.execPath(),
      "compile",
      // The program inherits it: else Deno itself would speak up at each start.
      "--quiet",
      // The bundle needs no configuration, and its types were checked before.
      "--no-config",
      "--no-check",
      "--no-prompt",
      ...permissionFlags(config.permissions.krunner),
      `--target=${target}`,
      `--output=${output}`,
      script,
    ],
    { env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" } },
  );
  if (code !== 0) throw new KrunnerError(compileFault(target, stderr));
}

/**
 * Makes the programs.
 *
 * @returns Their paths.
 * @throws {KrunnerError} If one cannot be made.
 */
async function compileAll(
  targets: readonly string[],
  dir: string,
): Promise<string[]> {
  const [script = ""] = await bundle(dir, ["krunner"]);
  if (targets.length === 0) {
    const output = `${dir}/krunner`;
    await compile(script, Deno.build.target, output);
    return [output];
  }
  const outputs: string[] = [];
  for (const target of targets) {
    const output = `${dir}/krunner-${target}`;
    await compile(script, target, output);
    outputs.push(output);
  }
  return outputs;
}

async function main(args: readonly string[]): Promise<number> {
  const { options, operands, asked } = await parseOptions(args, OPTIONS);
  if (asked !== undefined) return await answerCommon(asked, HELP, "compile");
  if (operands.length > 0) {
    throw new UsageError(
      `Cannot use "${operands.join(" ")}": name machines with "--target"`,
    );
  }
  for (const target of options.target) oneOf("target", TARGETS, target);
  if (options.target.length > 1 && Deno.env.get("DENORT_BIN")) {
    throw new UsageError(
      "Cannot compile for several machines with one DENORT_BIN: give one --target at a time, each with its own",
    );
  }
  const dir = options.dir ?? `${PROJECT}/dist`;
  for (const path of await compileAll(options.target, dir)) console.log(path);
  return 0;
}

if (import.meta.main) await runMain(main);
