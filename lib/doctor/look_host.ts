/**
 * Looks up what a machine has. Nothing is changed.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { KrunnerError } from "../errors.ts";
import { capture } from "../process.ts";
import { askForHead } from "../source_reach.ts";
import type {
  FolderFacts,
  HostFacts,
  OriginFacts,
  ToolFacts,
  ToolName,
} from "./facts.ts";

/** What makes each program say its version in the first line. */
const ASK: Readonly<Record<ToolName, readonly string[]>> = {
  busybox: ["busybox"],
  debootstrap: ["debootstrap", "--version"],
  git: ["git", "--version"],
  tar: ["tar", "--version"],
  unshare: ["unshare", "--version"],
  xz: ["xz", "--version"],
};

/** The programs that builds run. */
export async function lookAtTools(signal: AbortSignal): Promise<ToolFacts> {
  const answers = Object.entries(ASK).map(async ([name, argv]) => [
    name,
    await firstLine(argv, signal),
  ]);
  return Object.fromEntries(await Promise.all(answers));
}

/** The first line that a program prints, `undefined` where there is no such one. */
export async function firstLine(
  argv: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await capture(argv, { signal });
    return (stdout || stderr).split("\n")[0]!.trim().replace(/\.$/, "");
  } catch (error) {
    if (error instanceof KrunnerError) return undefined;
    throw error;
  }
}

/** A folder that will be written to, which need not be there yet. */
export async function lookAtFolder(
  what: FolderFacts["what"],
  path: string,
): Promise<FolderFacts> {
  const there = await nearestFolder(path);
  const { bavail, bsize } = await statfs(there);
  return { what, path, free: bavail * bsize, writable: await canWrite(there) };
}

/** The kernel's own answer: modes do not tell of root, ACLs and read-only mounts. */
async function canWrite(folder: string): Promise<boolean> {
  try {
    return (await capture(["test", "-w", folder])).code === 0;
  } catch (error) {
    // Nobody to ask: the first file that is written will tell.
    if (error instanceof KrunnerError) return true;
    throw error;
  }
}

async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; folder.includes("/");) {
    if (await Deno.stat(folder).then((it) => it.isDirectory, () => false)) {
      return folder;
    }
    folder = folder.replace(/\/[^/]*\/*$/, "");
  }
  return path.startsWith("/") ? "/" : ".";
}

/** Linux's list of programs that run files of other arches. */
const EMULATORS = "/proc/sys/fs/binfmt_misc";

/** The machine itself. */
export async function lookAtHost(): Promise<HostFacts> {
  const { mtime } = await Deno.stat(Deno.execPath());
  return {
    isRoot: Deno.uid() === 0,
    now: Date.now(),
    programTime: mtime?.getTime() ?? 0,
    memory: Deno.systemMemoryInfo().available,
    arch: Deno.build.arch,
    emulated: await findEmulated(),
  };
}

async function findEmulated(): Promise<string[]> {
  const found: string[] = [];
  for (const arch of ["x86_64", "aarch64"]) {
    const isThere = await Deno.stat(`${EMULATORS}/qemu-${arch}`)
      .then(() => true, () => false);
    if (isThere && arch !== Deno.build.arch) found.push(arch);
  }
  return found;
}

/** Milliseconds that an origin has for its answer. */
const TIME_LIMIT = 5000;

/** Asks whether an origin has a file, without getting it. */
export async function lookAtOrigin(
  url: string,
  signal: AbortSignal,
): Promise<OriginFacts> {
  try {
    const response = await askForHead(url, signal, TIME_LIMIT);
    const date = Date.parse(response.headers.get("date") ?? "");
    return {
      url,
      answer: response.status,
      ...Number.isNaN(date) ? {} : { time: date },
    };
  } catch (error) {
    signal.throwIfAborted();
    return { url, answer: describeFailure(error) };
  }
}

/** What stood in the way, without what stands before it: fetch says it in the cause. */
function describeFailure(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === "TimeoutError") return `no answer in ${TIME_LIMIT / 1000} s`;
  const words = cause instanceof Error ? cause.message : message;
  return `not reached (${words.split(": ").at(-1)})`;
}
