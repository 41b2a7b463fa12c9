/**
 * What scripts that plan, build and release take from the process they run in.
 *
 * @module
 */

import type { BuildHost } from "./build_all.ts";
import { cacheFolder } from "./options.ts";
import { projectRoot } from "./package_dir.ts";

/** The part of a host that they have in common. */
export type ScriptHost = Pick<
  BuildHost,
  "root" | "cache" | "pid" | "processors" | "signal"
>;

/**
 * Looks at the process.
 *
 * @param scriptDir The folder of the script: its `import.meta.dirname`.
 */
export function scriptHost(
  scriptDir: string | undefined,
  signal: AbortSignal,
): ScriptHost {
  return {
    root: projectRoot(scriptDir ?? ".", Deno.cwd()),
    cache: cacheFolder(Deno.env.get),
    pid: Deno.pid,
    processors: navigator.hardwareConcurrency,
    signal,
  };
}
