/**
 * A yes-or-no question on a terminal.
 *
 * @module
 */

import { CancelledError } from "./errors.ts";
import { writeAll } from "./write_all.ts";

/**
 * Asks on stderr and reads a line from stdin: `y` and `yes` mean yes, all else no.
 *
 * Not `confirm()`, which stops the whole process: a signal would be heeded when the
 * question is answered.
 *
 * @throws {CancelledError} If the signal is aborted, without waiting for an answer.
 */
export async function askYesNo(
  question: string,
  signal: AbortSignal,
): Promise<boolean> {
  await write(`${question} [y/N] `);
  const reader = Deno.stdin.readable.getReader();
  const stop = () => void reader.cancel();
  signal.addEventListener("abort", stop);
  try {
    // A terminal gives whole lines.
    const { value } = await reader.read();
    if (signal.aborted) {
      await write("\n");
      throw new CancelledError("Cancelled");
    }
    return /^\s*y(es)?\s*$/i.test(new TextDecoder().decode(value));
  } finally {
    signal.removeEventListener("abort", stop);
    reader.releaseLock();
  }
}

async function write(text: string): Promise<void> {
  await writeAll(Deno.stderr, new TextEncoder().encode(text), "stderr");
}
