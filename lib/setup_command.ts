/**
 * `krunner setup`: runs `setup.sh`, which a compiled program carries.
 *
 * @module
 */

import {
  answerCommon,
  COMMON_OPTIONS,
  type Help,
  parseOptions,
} from "./cli.ts";
import { UsageError } from "./errors.ts";
import { spawn } from "./process.ts";
import setup from "../setup.sh" with { type: "text" };

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Installs what a build needs and starts the Docker engine, as root on Debian or\nUbuntu; elsewhere it says what to do. Silent where all is there.",
  usage: ["krunner setup"],
  options: COMMON_OPTIONS,
  examples: { "sudo krunner setup": "Make this machine able to build" },
  exitCodes: {
    "0": "All is there",
    "1": "Something is missing and could not be installed",
    "2": "Wrong usage",
  },
};

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {UsageError} If there is anything on it.
 */
export async function main(args: readonly string[]): Promise<number> {
  const { operands, asked } = await parseOptions(args, COMMON_OPTIONS);
  if (asked !== undefined) {
    return await answerCommon(asked, HELP, "krunner setup");
  }
  if (operands.length > 0) {
    throw new UsageError(
      `Cannot use "${operands.join(" ")}": "setup" takes no names`,
    );
  }
  // As an argument: apt would read the rest of a script that comes on stdin.
  const { code } = await spawn(["sh", "-c", setup, "krunner setup"], {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).status;
  return code;
}
