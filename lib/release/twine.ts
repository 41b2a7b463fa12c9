/**
 * twine, which checks and uploads; uv runs it where it is not installed.
 *
 * @module
 */

import { stripAnsiCode } from "@std/fmt/colors";
import { CancelledError, KrunnerError } from "../errors.ts";
import { capture, spawn } from "../process.ts";
import { writeAll } from "../write_all.ts";
import { lastLine } from "./git.ts";

/** Ways to call twine, best first. */
const WAYS: readonly (readonly string[])[] = [
  ["twine"],
  ["uv", "tool", "run", "twine"],
];

/** How to call twine. */
export interface Twine {
  /** The beginning of its command lines. */
  readonly argv: readonly string[];
  /** What it says of its version. */
  readonly version: string;
}

/** @throws {KrunnerError} If there is neither twine nor uv. */
export async function findTwine(signal: AbortSignal): Promise<Twine> {
  for (const argv of WAYS) {
    const version = await askVersion(argv, signal);
    if (version !== undefined) return { argv, version };
  }
  throw new KrunnerError(
    'Cannot check and upload: neither twine nor uv works here; run "apt install twine", "pipx install twine", or install uv',
  );
}

async function askVersion(
  argv: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { code, stdout } = await capture([...argv, "--version"], { signal });
    return code === 0
      ? /version (\S+)/.exec(stdout)?.[1] ?? stdout.trim()
      : undefined;
  } catch (error) {
    if (error instanceof KrunnerError) return undefined;
    throw error;
  }
}

/** The command line that checks what an index would show of files. */
export function checkCommand(
  { argv }: Twine,
  paths: readonly string[],
): string[] {
  return [...argv, "check", "--strict", ...paths];
}

/** The command line that uploads a file. */
export function uploadCommand(
  { argv }: Twine,
  options: readonly string[],
  path: string,
  canAsk: boolean,
): string[] {
  return [
    ...argv,
    "upload",
    "--disable-progress-bar",
    ...canAsk ? [] : ["--non-interactive"],
    ...options,
    path,
  ];
}

/**
 * Checks files as the index will.
 *
 * @throws {KrunnerError} If something is wrong with one.
 */
export async function checkFiles(
  twine: Twine,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { code, stdout, stderr } = await capture(checkCommand(twine, paths), {
    signal,
  });
  if (signal.aborted) throw new CancelledError("Cancelled");
  if (code === 0) return;
  const said = `${stdout}\n${stderr}`.trim().split("\n")
    .filter((line) => !/PASSED$/.test(line)).map((line) => line.trim());
  throw new KrunnerError(
    `Cannot release: "twine check --strict" refuses the files (${
      said.join(" ")
    }); correct what the package says of itself`,
  );
}

/**
 * Uploads a file.
 *
 * @returns Why it failed, in twine's words; `undefined` where it did not.
 */
export async function uploadFile(
  command: readonly string[],
  canAsk: boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  const child = spawn(command, {
    signal,
    // It would win over "--repository".
    env: command.includes("--repository") ? { TWINE_REPOSITORY_URL: "" } : {},
    stdin: canAsk ? "inherit" : "null",
    // Where it asks, its questions must be seen.
    stdout: canAsk ? "inherit" : "piped",
  });
  const [{ success, code }, stdout, stderr] = await Promise.all([
    child.status,
    canAsk ? "" : new Response(child.stdout).text(),
    readStderr(child.stderr, canAsk),
  ]);
  if (signal.aborted) throw new CancelledError("Cancelled");
  if (success) return undefined;
  return failureWords(stdout, stderr) || `exit code ${code}`;
}

/** What it says on stderr, which is where Python asks for a name. */
async function readStderr(
  stream: ReadableStream<Uint8Array>,
  isShown: boolean,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (!isShown) continue;
    await writeAll(Deno.stderr, chunk, "stderr");
  }
  return text;
}

/**
 * Why twine failed, in its words: what follows its last `ERROR`, which it breaks at
 * a terminal's width and prints to either stream, else the last line.
 */
export function failureWords(stdout: string, stderr: string): string {
  const [out, err] = [stripAnsiCode(stdout), stripAnsiCode(stderr)];
  const words = `${out}\n${err}`.split(/^ERROR\s+/m).slice(1).at(-1) ??
    (lastLine(err) || lastLine(out));
  return words.replace(/\s+/g, " ").trim();
}
