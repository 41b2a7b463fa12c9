/**
 * Errors that are meant for a person: one message each, and an exit code.
 *
 * @module
 */

import { messageAsTyped } from "./typed.ts";

/** A failure that the user can act on. Its message says what, with which value, and what to do. */
export class KrunnerError extends Error {
  override readonly name: string = "KrunnerError";
  /** The process's exit code: 1 for a failure, 2 for wrong usage. */
  readonly exitCode: 1 | 2 = 1;
}

/** The command line was wrong: exit code 2. */
export class UsageError extends KrunnerError {
  override readonly name: string = "UsageError";
  override readonly exitCode: 1 | 2 = 2;
}

/** The user, or the system on the user's behalf, asked the run to stop. */
export class CancelledError extends KrunnerError {
  override readonly name: string = "CancelledError";
}

/** A build that failed, with what its log ends with. */
export class StageError extends KrunnerError {
  /** The path of the log. */
  readonly log: string;
  /** The last lines of the log. */
  readonly lastLines: readonly string[];

  /** @param message What failed, and why if that is known. */
  constructor(message: string, log: string, lastLines: readonly string[]) {
    super(message);
    this.log = log;
    this.lastLines = lastLines;
  }
}

/**
 * A failure of the system on a file, with what to do about it; other errors as
 * they are.
 *
 * @param action What could not be done to the file.
 */
export function fileError(
  action: "read" | "write",
  path: string,
  error: unknown,
): unknown {
  if (!isSystemError(error)) return error;
  const [state, advice] = isDiskFull(error)
    ? ["no space is left on the device", "free some space there"]
    : [
      // Deno adds the error's number, the call and the path.
      error.message.replace(/ \(os error.*$/s, "")
        .replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase()),
      action === "read"
        ? "see that it is a file that you may read"
        : "see that its folder exists and that you may write there",
    ];
  return new KrunnerError(`Cannot ${action} "${path}": ${state}; ${advice}`, {
    cause: error,
  });
}

/** Whether an error says that a disk, or a user's share of it, is full. */
export function isDiskFull(error: unknown): boolean {
  return isSystemError(error) && ["ENOSPC", "EDQUOT"].includes(error.code);
}

/** Whether an error says that there is nothing at a path. */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}

/** An error of the operating system, known by its code: `ENOENT`, not `ERR_…`. */
function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && "code" in error &&
    typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code);
}

/**
 * The text and exit code for any thrown value. Errors that are not the user's
 * to mend keep their stack, because then it is the project's bug.
 */
export function describeError(
  error: unknown,
): { message: string; exitCode: number } {
  if (error instanceof KrunnerError) {
    const message = messageAsTyped(error.message);
    return { message, exitCode: error.exitCode };
  }
  if (isSystemError(error) || error instanceof Deno.errors.NotCapable) {
    return { message: error.message, exitCode: 1 };
  }
  const detail = error instanceof Error
    ? error.stack ?? error.message
    : String(error);
  return { message: `This is a bug in krunner: ${detail}`, exitCode: 1 };
}

/** A failure of one of several builds, as data. */
export interface Failure {
  /** One message for a person. */
  readonly message: string;
  /** The failed stage's log, where a stage failed. */
  readonly log?: string;
  /** The last lines of that log. */
  readonly lastLines?: readonly string[];
}

/** What any thrown value says of a failed build. */
export function failureOf(error: unknown): Failure {
  return {
    message: describeError(error).message,
    ...error instanceof StageError
      ? { log: error.log, lastLines: error.lastLines }
      : {},
  };
}
