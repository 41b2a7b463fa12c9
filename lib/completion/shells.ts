/**
 * What makes each shell ask `krunner __complete WORD…` for the words that may stand
 * at the cursor. The last of the words is the one that is being typed; lines of the
 * answer are a word, a tab and what it means, or `:files` or `:folders` where the
 * shell knows better.
 *
 * @module
 */

import bash from "./krunner.bash" with { type: "text" };
import fish from "./krunner.fish" with { type: "text" };
import zsh from "./krunner.zsh" with { type: "text" };

/** The scripts by the shell's name. */
export const SHELL_SCRIPTS: Readonly<Record<string, string>> = {
  bash,
  zsh,
  fish,
};
