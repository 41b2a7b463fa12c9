/**
 * Runs the probe in a container of an image, with a volume mounted as the agent
 * mounts it.
 *
 * @module
 */

import { VOLUME_ROOT } from "../engine.ts";
import type { Scratch } from "../scratch.ts";
import { PROBE, TEST_PEM } from "./probe_script.ts";

/** What is tried, and where. */
export interface Trial {
  /** The image. */
  readonly image: string;
  /** The filled volume. */
  readonly volume: string;
  /** The docker platform, where it is not the engine's own. */
  readonly platform?: string | undefined;
}

/** What the probe said, or why it said nothing. */
export type ProbeResult<T> =
  | { readonly answer: T }
  | { readonly failure: string };

/**
 * Modules in `sys.stdlib_module_names` that no Linux has, and modules that do
 * something when they are imported (they open a browser, print a poem).
 */
const NOT_TRIED: readonly string[] = [
  "_android_support",
  "_apple_support",
  "_ios_support",
  "_msi",
  "_overlapped",
  "_scproxy",
  "_winapi",
  "_wmi",
  "antigravity",
  "msilib",
  "msvcrt",
  "nt",
  "this",
  "winreg",
  "winsound",
];

/**
 * What a volume may do without, and why. Everything else in the standard library
 * must be there: a user's kernel may import it.
 */
export const MAY_BE_MISSING: Readonly<Record<string, string>> = {
  _gdbm: "python-build-standalone has none, for its licence",
  _tkinter: "a kernel has no display",
  ensurepip: "nothing can be installed into a volume",
  idlelib: "a kernel has no display",
  nis: "no container is in a NIS domain",
  pydoc_data: "the texts of help() are for people",
  tkinter: "a kernel has no display",
  turtle: "a kernel has no display",
  turtledemo: "a kernel has no display",
};

/** Options of the probe, the same for all modes. */
const OPTIONS = JSON.stringify({
  other_platforms: NOT_TRIED,
  may_be_missing: Object.keys(MAY_BE_MISSING),
  pem: TEST_PEM,
});

/** Options of a container in which a volume cannot do any harm. */
export function sandbox({ volume, platform }: Trial): string[] {
  return [
    "--read-only",
    "--network=none",
    "--user=65534:65534",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    // Libraries are loaded from there, to see that they are not.
    "--tmpfs=/tmp:exec,mode=1777",
    "--volume",
    `${volume}:${VOLUME_ROOT}:ro`,
    ...platform === undefined ? [] : ["--platform", platform],
  ];
}

/**
 * Runs one mode of the probe.
 *
 * @param env Variables to set in the container
 * @throws {KrunnerError} If the engine fails.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function runProbe<T>(
  scratch: Scratch,
  trial: Trial,
  mode: "bare" | "hostile",
  env: Readonly<Record<string, string>> = {},
): Promise<ProbeResult<T>> {
  const end = await scratch.runContainer([
    ...sandbox(trial),
    ...Object.entries(env).map(([name, value]) => `--env=${name}=${value}`),
    "--entrypoint",
    `${VOLUME_ROOT}/bin/python`,
    trial.image,
    "-s",
    "-c",
    PROBE,
    mode,
    OPTIONS,
  ], trial.image);
  if (end.timedOut) return { failure: "it did not end in time" };
  if (end.fault !== undefined) return { failure: printable(end.fault) };
  if (end.code !== 0) {
    const words = end.stderr.trim().split("\n");
    const said = words.findLast((line) =>
      /^(Fatal Python error|\S*Error)\b/.test(line)
    ) ?? words.at(-1) ?? "";
    // As shells have it.
    const how = end.code > 128
      ? `it was ended by signal ${end.code - 128}`
      : `it ended with exit code ${end.code}`;
    return { failure: said === "" ? how : printable(said) };
  }
  try {
    return { answer: JSON.parse(end.stdout) };
  } catch {
    return { failure: "what it printed is not the probe's answer" };
  }
}

/** Text of a container's, safe to print and short enough to read. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").trim();
  return clean.length > 300 ? `${clean.slice(0, 299)}…` : clean;
}
