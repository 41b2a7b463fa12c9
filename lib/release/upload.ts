/**
 * Uploads a release's files, each at most once, and reads them back.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { pause } from "../pause.ts";
import { IndexError, type IndexFile } from "./index_api.ts";
import type { MadeFile } from "./state.ts";

/** What is needed of an index. */
export interface Index {
  /** The files of a project. */
  list(project: string): Promise<IndexFile[]>;
  /** The SHA-256 of a file's bytes. */
  digest(file: IndexFile): Promise<string>;
}

/** What uploading takes from the run around it. */
export interface UploadHost {
  /** The index. */
  readonly index: Index;
  /** The project's name. */
  readonly project: string;
  /** How long the index may take to show a file, in milliseconds. */
  readonly wait: number;
  /** Cancels all. */
  readonly signal: AbortSignal;
  /** Gets a line for each thing that happens. */
  readonly say: (line: string) => void;
  /** Milliseconds on a steady clock. */
  readonly now: () => number;
}

/** What only uploading needs. */
export interface Uploads extends UploadHost {
  /** Uploads one file; says why it failed, if it did. */
  readonly upload: (path: string) => Promise<string | undefined>;
  /** What is known of earlier runs. */
  readonly known: Readonly<Record<string, "began" | "done">>;
  /** Writes down how far a file is, before anything else happens. */
  readonly record: (file: string, state: "began" | "done") => Promise<void>;
}

/** How long to wait before the index is asked again: 1, 2, 4, … 30 s. */
function* delays(): Generator<number> {
  for (let delay = 1000;; delay = Math.min(delay * 2, 30_000)) yield delay;
}

/** How long an index may take to show what an upload that seems to have failed left. */
const SECOND_LOOK = 10_000;

/**
 * Uploads all files in their order. Before each one the index is asked: what is
 * there with the same hash is done.
 *
 * @throws {KrunnerError} If a file is there with another hash, or an upload fails:
 * with what is on the index and what is not.
 */
export async function uploadAll(
  files: readonly MadeFile[],
  host: Uploads,
): Promise<void> {
  for (const [position, file] of files.entries()) {
    if (host.known[file.file] === "done") {
      host.say(`${file.file}: uploaded before`);
      continue;
    }
    try {
      await uploadOne(file, host);
    } catch (error) {
      if (!(error instanceof KrunnerError) || host.signal.aborted) throw error;
      const unsure = error instanceof UnsureError ? 1 : 0;
      throw new KrunnerError(
        `${error.message}; on the index: ${names(files.slice(0, position))}; ${
          unsure === 0 ? "" : `there or not: ${file.file}; `
        }not there: ${names(files.slice(position + unsure))}`,
        { cause: error },
      );
    }
  }
}

function names(files: readonly MadeFile[]): string {
  return files.length === 0 ? "nothing" : files.map((it) => it.file).join(", ");
}

async function uploadOne(file: MadeFile, host: Uploads): Promise<void> {
  const { file: name, path } = file;
  // An upload that a kill ended may come to light a little later.
  const isThere = host.known[name] === "began"
    ? await appears(file, host, Math.min(SECOND_LOOK, host.wait))
    : await isListed(file, host);
  if (isThere) {
    host.say(`${name}: is on the index already`);
    return await host.record(name, "done");
  }
  await host.record(name, "began");
  host.say(`${name}: uploading`);
  const fault = await host.upload(path);
  // What the answer to was lost, or a second try found there, is uploaded.
  if (fault !== undefined && !await cameThrough(file, host, fault)) {
    throw new KrunnerError(`Cannot upload "${name}": twine says: ${fault}`);
  }
  await host.record(name, "done");
}

/** An upload that failed, and may have come through all the same. */
class UnsureError extends KrunnerError {}

async function cameThrough(
  file: MadeFile,
  host: UploadHost,
  fault: string,
): Promise<boolean> {
  try {
    return await appears(file, host, Math.min(SECOND_LOOK, host.wait));
  } catch (error) {
    if (!(error instanceof IndexError)) throw error;
    throw new UnsureError(
      `Cannot upload "${file.file}": twine says: ${fault}; whether it came through is not known (${error.message})`,
      { cause: error },
    );
  }
}

/**
 * Whether the index lists a file.
 *
 * @throws {KrunnerError} If it does with another hash.
 */
async function isListed(
  { file, sha256 }: MadeFile,
  { index, project }: UploadHost,
): Promise<boolean> {
  const found = (await index.list(project)).find(({ name }) => name === file);
  if (found === undefined) return false;
  const there = found.sha256 ?? await index.digest(found);
  if (there === sha256) return true;
  throw new KrunnerError(
    `Cannot upload "${file}": the index has another file of this name, with the SHA-256 ${there}, not ${sha256}; an index keeps what it has, so raise the version with "bump.ts package"`,
  );
}

/** Whether the index lists a file before the time is over. */
async function appears(
  file: MadeFile,
  host: UploadHost,
  limit: number,
): Promise<boolean> {
  const end = host.now() + limit;
  for (const delay of delays()) {
    if (await isListed(file, host)) return true;
    const rest = end - host.now();
    if (rest <= 0) return false;
    await pause(Math.min(delay, rest), host.signal);
  }
  return false;
}

/**
 * Waits until the index lists all files, then compares what it says of them, and
 * their bytes as they come from there, with what was made.
 *
 * @throws {KrunnerError} If a file does not show in time, or is another.
 */
export async function readBack(
  files: readonly MadeFile[],
  host: UploadHost,
): Promise<void> {
  const end = host.now() + host.wait;
  for (const file of files) {
    if (!await appears(file, host, Math.max(0, end - host.now()))) {
      throw new KrunnerError(
        `Cannot read back "${file.file}": the index did not list it within ${
          host.wait / 1000
        } s; wait, see that "--index-url" fits the repository, and go on`,
      );
    }
    const listed = await host.index.list(host.project);
    const found = listed.find(({ name }) => name === file.file);
    const sha256 = found === undefined
      ? undefined
      : await host.index.digest(found);
    if (sha256 !== file.sha256) {
      throw new KrunnerError(
        `Cannot trust "${file.file}" on the index: its bytes have the SHA-256 ${sha256}, not ${file.sha256}; withdraw ("yank") the release there, and raise the version`,
      );
    }
    host.say(`${file.file}: reads back the same`);
  }
}
