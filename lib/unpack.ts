/**
 * Puts the dockerfiles that a program carries onto the disk, for they are build
 * contexts, and outputs appear beside them. What somebody changed there is never
 * replaced.
 *
 * @module
 */

import { commitFiles } from "./commit_files.ts";
import type { EmbeddedData, EmbeddedFile } from "./embedded.ts";
import { fileError, isMissing, KrunnerError } from "./errors.ts";
import { sha256 } from "./inputs.ts";

/** In an unpacked folder: what was put there. Hidden, so it is no input. */
export const RECORD = ".krunner-unpacked.json";

/** What {@linkcode RECORD} holds. */
interface UnpackRecord {
  /** The version of krunner that put the files there. */
  readonly version: string;
  /** As in {@linkcode EmbeddedData}. */
  readonly times: EmbeddedData["times"];
  /** A digest of each file, see {@linkcode digestOf}. */
  readonly files: Readonly<Record<string, string>>;
}

/** How unpacking came out. */
export type Unpacked =
  /** The folder is the user's own, or has these very files. */
  | { readonly status: "as-is" }
  | { readonly status: "unpacked" }
  | {
    readonly status: "updated";
    /** The version that was there. */
    readonly from: string;
    /** Files that were replaced, added or removed. */
    readonly changed: readonly string[];
    /** Files that the user changed; they were left alone. */
    readonly kept: readonly string[];
  };

/** A digest of content, mode and kind of a file. */
async function digestOf(file: EmbeddedFile): Promise<string> {
  return await sha256(
    "link" in file
      ? `link ${file.link}`
      : `${file.executable ? "x" : "-"} ${file.text}`,
  );
}

async function digestsOf(
  files: Readonly<Record<string, EmbeddedFile>>,
): Promise<Record<string, string>> {
  return Object.fromEntries(
    await Promise.all(
      Object.entries(files).map(async (
        [path, file],
      ) => [path, await digestOf(file)]),
    ),
  );
}

/**
 * Sees that `root` holds the program's dockerfiles: makes it where it is missing or
 * empty, updates what an older program put there, and leaves everything else as it
 * is.
 *
 * @throws {KrunnerError} If something cannot be read or written; a folder that was
 * to be made is not there then.
 */
export async function unpackDockerfiles(
  { version, times, dockerfiles }: EmbeddedData,
  root: string,
): Promise<Unpacked> {
  const record = await readRecord(root);
  const fresh: UnpackRecord = {
    version,
    times,
    files: await digestsOf(dockerfiles),
  };
  if (record === undefined) {
    if (!await isMissingOrEmpty(root)) return { status: "as-is" };
    await unpackAtOnce(dockerfiles, fresh, root);
    return { status: "unpacked" };
  }
  if (JSON.stringify(record) === JSON.stringify(fresh)) {
    return { status: "as-is" };
  }
  return await update(root, dockerfiles, record, fresh);
}

/**
 * The time stamp for archives of a family that a program unpacked, in seconds since
 * 1970; `undefined` where it is not such a one.
 *
 * @param dir The family's package directory.
 * @throws {KrunnerError} If the record of what was unpacked cannot be read.
 */
export async function unpackedTime(dir: string): Promise<number | undefined> {
  const parts = /^(.*)\/([^/]+)$/.exec(await Deno.realPath(dir));
  if (parts === null) return undefined;
  const [, root = "", family = ""] = parts;
  return (await readRecord(root))?.times[family];
}

async function readRecord(root: string): Promise<UnpackRecord | undefined> {
  const path = `${root}/${RECORD}`;
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (!(error instanceof SyntaxError)) throw fileError("read", path, error);
    throw new KrunnerError(
      `Cannot read "${path}": it is not JSON; remove it to keep the dockerfiles as they are`,
      { cause: error },
    );
  }
}

async function isMissingOrEmpty(root: string): Promise<boolean> {
  try {
    for await (const _ of Deno.readDir(root)) return false;
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    if (error instanceof Deno.errors.NotADirectory) return false;
    throw fileError("read", root, error);
  }
}

/** A folder appears with all of its files, or not at all. */
async function unpackAtOnce(
  files: Readonly<Record<string, EmbeddedFile>>,
  record: UnpackRecord,
  root: string,
): Promise<void> {
  const parent = root.includes("/") ? root.replace(/\/[^/]*$/, "") : ".";
  let temporary: string | undefined;
  try {
    temporary = await Deno.makeTempDir({
      dir: parent,
      prefix: ".krunner-unpacking-",
    });
    await Deno.chmod(temporary, 0o755);
    await writeTree(files, temporary);
    await Deno.writeTextFile(`${temporary}/${RECORD}`, formatRecord(record));
    await Deno.rename(temporary, root);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (await readRecord(root).catch(() => undefined) !== undefined) return;
    throw fileError("write", root, error);
  } finally {
    if (temporary !== undefined) {
      await Deno.remove(temporary, { recursive: true }).catch(() => {});
    }
  }
}

/** Writes files and links into an empty folder. */
export async function writeTree(
  files: Readonly<Record<string, EmbeddedFile>>,
  root: string,
): Promise<void> {
  for (const [path, file] of Object.entries(files)) {
    await makeParent(`${root}/${path}`);
    await writeFile(`${root}/${path}`, file);
  }
}

async function makeParent(path: string): Promise<void> {
  await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
}

async function writeFile(path: string, file: EmbeddedFile): Promise<void> {
  if ("link" in file) return await Deno.symlink(file.link, path);
  await Deno.writeTextFile(path, file.text, { mode: modeOf(file) });
}

function modeOf({ executable }: { executable?: true }): number {
  return executable ? 0o755 : 0o644;
}

function formatRecord(record: UnpackRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** A file on disk as an embedded one, `undefined` where there is nothing. */
async function readBack(path: string): Promise<EmbeddedFile | undefined> {
  try {
    const { isSymlink, mode } = await Deno.lstat(path);
    if (isSymlink) return { link: await Deno.readLink(path) };
    const text = await Deno.readTextFile(path);
    return { text, ...(mode ?? 0) & 0o100 ? { executable: true } : {} };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError("read", path, error);
  }
}

/** What an update does to a file. */
type Step = "write" | "remove" | "keep" | "nothing";

/**
 * What becomes of one file, by digests: on disk now, as it was unpacked, and as
 * this program has it. One that the user removed stays away.
 */
export function planStep(
  disk: string | undefined,
  old: string | undefined,
  fresh: string | undefined,
): Step {
  if (disk === fresh || disk === undefined && old !== undefined) {
    return "nothing";
  }
  if (disk !== old) return "keep";
  return fresh === undefined ? "remove" : "write";
}

async function update(
  root: string,
  files: Readonly<Record<string, EmbeddedFile>>,
  old: UnpackRecord,
  fresh: UnpackRecord,
): Promise<Unpacked> {
  const steps: Record<Step, string[]> = {
    write: [],
    remove: [],
    keep: [],
    nothing: [],
  };
  const paths = new Set([...Object.keys(files), ...Object.keys(old.files)]);
  for (const path of [...paths].sort()) {
    const disk = await readBack(`${root}/${path}`);
    const digest = disk === undefined ? undefined : await digestOf(disk);
    steps[planStep(digest, old.files[path], fresh.files[path])].push(path);
  }
  await applyUpdate(root, files, steps, fresh);
  return {
    status: "updated",
    from: old.version,
    changed: [...steps.write, ...steps.remove].sort(),
    // One that the new version does not have is the user's alone now.
    kept: steps.keep.filter((path) => path in files),
  };
}

/** The record comes last: an update that was ended half-way goes on next time. */
async function applyUpdate(
  root: string,
  files: Readonly<Record<string, EmbeddedFile>>,
  steps: Readonly<Record<Step, readonly string[]>>,
  record: UnpackRecord,
): Promise<void> {
  const path = `${root}/${RECORD}`;
  try {
    for (const path of steps.remove) await Deno.remove(`${root}/${path}`);
    for (const path of steps.write) {
      await replace(`${root}/${path}`, files[path]!);
    }
  } catch (error) {
    throw fileError("write", root, error);
  }
  await commitFiles([{ path, content: formatRecord(record) }]);
}

async function replace(path: string, file: EmbeddedFile): Promise<void> {
  await makeParent(path);
  const temporary = `${
    path.replace(/[^/]*$/, "")
  }.krunner-unpacking-${crypto.randomUUID()}`;
  try {
    await writeFile(temporary, file);
    await Deno.rename(temporary, path);
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}
