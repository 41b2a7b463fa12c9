/**
 * Errors that are meant for a person: one message each, and an exit code.
 *
 * @module
 */

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

/**
 * The text and exit code for any thrown value. Errors that are not the user's
 * to mend keep their stack, because then it is the project's bug.
 */
export function describeError(
  error: unknown,
): { message: string; exitCode: number } {
  if (error instanceof KrunnerError) {
    return { message: error.message, exitCode: error.exitCode };
  }
  if (
    error instanceof Deno.errors.NotCapable ||
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotFound
  ) {
    return { message: error.message, exitCode: 1 };
  }
  const detail = error instanceof Error
    ? error.stack ?? error.message
    : String(error);
  return { message: `This is a bug in krunner: ${detail}`, exitCode: 1 };
}
