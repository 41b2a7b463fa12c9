/**
 * Command lines with commands of their own, such as `volume.ts load`: which one it
 * is, and the options that not every one of them takes.
 *
 * @module
 */

import { suggestion } from "./cli.ts";
import { UsageError } from "./errors.ts";

/** Options as `parseOptions()` finds them. */
type Options = Readonly<
  Record<string, boolean | string | readonly string[] | undefined>
>;

/**
 * The command that `word` names.
 *
 * @throws {UsageError} If there is no word, or no such command.
 */
export async function parseCommandName<const Name extends string>(
  word: string | undefined,
  commands: readonly Name[],
): Promise<Name> {
  if (word === undefined) {
    throw new UsageError(
      `No command given: give one of ${commands.join(", ")}; see --help`,
    );
  }
  const command = commands.find((name) => name === word);
  if (command !== undefined) return command;
  throw new UsageError(
    `Unknown command "${word}"${
      await suggestion(word, commands) || "; see --help"
    }`,
  );
}

/**
 * Refuses some options.
 *
 * @param why Behind the option's name: `with "diff": leave it out`.
 * @throws {UsageError} If one of them is given.
 */
export function rejectOptions<Given extends Options>(
  options: Given,
  names: readonly (keyof Given & string)[],
  why: string,
): void {
  const given = names.find((name) => {
    const value = options[name];
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  });
  if (given === undefined) return;
  throw new UsageError(`Cannot use "--${given}" ${why}`);
}

/**
 * Refuses options of other commands.
 *
 * @param takers The commands that take an option, where not all do, by its name.
 * @throws {UsageError} If an option is given that `command` does not take.
 */
export function rejectForeignOptions(
  options: Options,
  takers: Readonly<Record<string, readonly string[]>>,
  command: string,
): void {
  for (const [name, commands] of Object.entries(takers)) {
    if (commands.includes(command)) continue;
    const owners = commands.join('" and "');
    rejectOptions(
      options,
      [name],
      `with "${command}": it belongs to "${owners}"`,
    );
  }
}
