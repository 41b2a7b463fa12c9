/**
 * `krunner completion`: prints what a shell needs to complete command lines.
 *
 * @module
 */

import {
  answerCommon,
  COMMON_OPTIONS,
  type Help,
  parseOptions,
  suggestion,
} from "../cli.ts";
import { UsageError } from "../errors.ts";
import { SHELL_SCRIPTS } from "./shells.ts";

/** The text of `--help`. */
export const HELP: Help = {
  summary:
    "Prints a script that makes a shell complete krunner's command lines.",
  usage: ["krunner completion <shell>"],
  commands: {
    bash: "For bash 4 and later",
    zsh: "For zsh 5 and later, after compinit",
    fish: "For fish 3 and later",
  },
  options: COMMON_OPTIONS,
  examples: {
    'eval "$(krunner completion bash)"': "In ~/.bashrc",
    'eval "$(krunner completion zsh)"': "In ~/.zshrc, after compinit",
    "krunner completion fish > ~/.config/fish/completions/krunner.fish":
      "Once, for fish",
  },
  exitCodes: { "0": "Done", "2": "Wrong usage" },
};

/**
 * Runs the command line `args` and returns the exit code.
 *
 * @throws {UsageError} If it does not name one of the shells.
 */
export async function main(args: readonly string[]): Promise<number> {
  const { operands, asked } = await parseOptions(args, COMMON_OPTIONS);
  if (asked !== undefined) {
    return await answerCommon(asked, HELP, "krunner completion");
  }
  const [shell, ...others] = operands;
  const shells = Object.keys(SHELL_SCRIPTS);
  if (shell === undefined) {
    throw new UsageError(`No shell given: give one of ${shells.join(", ")}`);
  }
  if (others.length > 0) {
    throw new UsageError(
      `Cannot use "${others.join(" ")}": "completion" takes one shell`,
    );
  }
  const script = Object.hasOwn(SHELL_SCRIPTS, shell)
    ? SHELL_SCRIPTS[shell]
    : undefined;
  if (script === undefined) {
    throw new UsageError(
      `Unknown shell "${shell}"${await suggestion(shell, shells)}; known are ${
        shells.join(", ")
      }`,
    );
  }
  console.log(script.trimEnd());
  return 0;
}
