/**
 * Signals to this process, as what ends a run in order: no container, image tag
 * or half a file stays behind.
 *
 * @module
 */

import { CancelledError } from "./errors.ts";

/** The signals that are heeded, and the exit codes that shells expect of them. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Runs `run` and turns a signal to this process into an aborted one.
 *
 * @returns The exit code: the signal's, where there was one, else that of `run`.
 */
export async function runWithSignals(
  run: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const listeners = Object.entries(SIGNALS).map(([name, code]) => {
    const listener = () => {
      exitCode ??= code;
      controller.abort();
    };
    Deno.addSignalListener(name as keyof typeof SIGNALS, listener);
    return [name as keyof typeof SIGNALS, listener] as const;
  });
  try {
    const result = await run(controller.signal);
    return exitCode ?? result;
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    console.error(`error: ${error.message}`);
    return exitCode ?? error.exitCode;
  } finally {
    for (const [name, listener] of listeners) {
      Deno.removeSignalListener(name, listener);
    }
  }
}
