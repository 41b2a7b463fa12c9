/**
 * Packs the tar stream on stdin into the file that is its argument, in a
 * process of its own: tests start it with another environment, and the bench
 * reads its memory. Prints the archive's SHA-256 and the peak of its memory in
 * KiB, or the error.
 *
 * @module
 */

import { writeArchive } from "../lib/archive.ts";
import { describeError } from "../lib/errors.ts";

const [target = "", threads = "2"] = Deno.args;
try {
  const { sha256 } = await writeArchive(Deno.stdin.readable, target, {
    root: "/opt/backend.ai",
    mtime: 0,
    threads: Number(threads),
  });
  const status = await Deno.readTextFile("/proc/self/status");
  const peak = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? "unknown";
  console.log(`${sha256} ${peak}`);
} catch (error) {
  const { message, exitCode } = describeError(error);
  console.log(message);
  Deno.exitCode = exitCode;
}
