/**
 * Fills an agent's volume with an archive, and compares volumes with archives.
 *
 * @module
 */

import type { Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import { isLfsPointerFile, LFS_ADVICE } from "./git_lfs.ts";
import { sha256 } from "./inputs.ts";
import { takeLock } from "./lock.ts";
import { makeFolder } from "./make_folder.ts";
import { readManifest } from "./manifest.ts";
import { inPackage, outputNames, type Target } from "./package_dir.ts";
import type { Scratch } from "./scratch.ts";
import { listVolume, startFilling, VERSION_FILE } from "./verify/extractor.ts";
import { readVolume } from "./verify/read.ts";
import type { TreeEntry, VolumeTree } from "./verify/tree.ts";
import { compareTrees, digestTree } from "./verify/tree_compare.ts";
import { formatVolumeName } from "./volume_name.ts";
import {
  publishVolume,
  removeVolume,
  requireUnused,
  volumePath,
} from "./volumes.ts";

/** What loading needs to know. */
export interface LoadOptions {
  /** The distro version. */
  readonly target: Target;
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** The extractor's image. */
  readonly image: string;
  /** Whether a volume with other content is replaced. */
  readonly replace: boolean;
  /** Whether to change nothing. */
  readonly dryRun: boolean;
  /** A folder of this user's that outlives the process, for locks. */
  readonly cache: string;
  /** This process's id. */
  readonly pid: number;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/** What became of a volume. */
export interface LoadResult {
  /** The volume's name. */
  readonly name: string;
  /** What was done, or with a dry run what would be. */
  readonly action: "loaded" | "replaced" | "unchanged";
  /** Sum of the files' sizes in bytes. */
  readonly size: number;
  /** Number of entries in the archive. */
  readonly entries: number;
}

/**
 * The volume version of a distro version, as the agent reads it.
 *
 * @throws {KrunnerError} If there is none, or it is no positive integer.
 */
export async function loadableVersion(target: Target): Promise<number> {
  const { distroVersion } = target;
  const file = inPackage(target, outputNames(distroVersion, "").version);
  let text: string;
  try {
    text = (await Deno.readTextFile(file)).trim();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new KrunnerError(
      `Cannot load "${distroVersion}": there is no "${file}"; build it with "build.ts ${distroVersion}"`,
      { cause },
    );
  }
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new KrunnerError(
    `Cannot load "${distroVersion}": "${file}" has "${text}", not a positive integer; build it again with "build.ts ${distroVersion} --force"`,
  );
}

/**
 * Fills the volume that an agent will use for a distro version: first a
 * temporary one, which gets the final name when it is proven to be complete.
 *
 * @throws {KrunnerError} If the archive is missing, damaged or not what its
 * manifest says, if BusyBox makes something else of it, if there is a volume of
 * that name with other content, or the engine fails.
 * @throws {CancelledError} If the run was cancelled. There is no volume of the
 * final name then, or a complete one.
 */
export async function loadVolume(
  scratch: Scratch,
  options: LoadOptions,
): Promise<LoadResult> {
  const { target, arch, cache, pid, dryRun } = options;
  const { engine } = scratch;
  const { distroVersion } = target;
  await requireArchive(options);
  const version = await loadableVersion(target);
  const name = formatVolumeName({ version, arch, distroVersion });
  await makeFolder(`${cache}/locks`);
  using _lock = await takeLock(
    `${cache}/locks/${engine.name}-volume-${name}`,
    pid,
    (holder) =>
      `Cannot load "${distroVersion}": another process is filling its volume (process ${holder}); wait for its end`,
  );
  const isThere = await volumePath(engine, name) !== undefined;
  const action = isThere ? "replaced" : "loaded";
  if (isThere || dryRun) {
    const tree = await readArchive(options, version);
    const fault = isThere
      ? await faultOf(scratch, options.image, name, version, tree)
      : "";
    if (fault === undefined) return resultOf(name, "unchanged", tree);
    if (isThere) await requireReplaceable(engine, name, fault, options);
    if (dryRun) return resultOf(name, action, tree);
  }
  const { tree, volume } = await fillTemporary(scratch, options, version);
  if (isThere) await removeVolume(engine, name);
  await publishVolume(scratch, { image: options.image, from: volume, name });
  return resultOf(name, action, tree);
}

function resultOf(
  name: string,
  action: LoadResult["action"],
  { entries }: VolumeTree,
): LoadResult {
  const size = entries.reduce((sum, { size }) => sum + size, 0);
  return { name, action, size, entries: entries.length };
}

async function requireReplaceable(
  engine: Engine,
  name: string,
  fault: string,
  { target: { distroVersion }, replace }: LoadOptions,
): Promise<void> {
  if (replace) return await requireUnused(engine, name);
  throw new KrunnerError(
    `Cannot load "${distroVersion}": there is a volume "${name}" with other content (${fault}); raise the volume version with "bump.ts volume ${distroVersion}" and build again, or give "--replace"`,
  );
}

function refuse(
  { target: { distroVersion } }: LoadOptions,
  file: string,
  state: string,
): KrunnerError {
  return new KrunnerError(
    `Cannot load "${distroVersion}": "${file}" ${state}; build it again with "build.ts ${distroVersion} --force", and see "verify.ts ${distroVersion}"`,
  );
}

/** Reads the archive to its end, and proves it to be the one of its manifest. */
async function readArchive(
  options: LoadOptions,
  version: number,
  sink?: WritableStream<Uint8Array>,
): Promise<VolumeTree> {
  const { target, arch, signal } = options;
  const file = archivePath(options);
  const tree = await readVolume(file, { sink, signal });
  if (!tree.complete) {
    const [problem] = tree.tarProblems;
    throw refuse(
      options,
      file,
      `is damaged: ${problem?.what ?? "it ends early"}`,
    );
  }
  const manifest = await readManifest(target, arch);
  if (manifest === undefined) return tree;
  if (manifest.archive.sha256 !== tree.packed.sha256) {
    throw refuse(options, file, "is not the one of its manifest");
  }
  if (manifest.volumeVersion !== version) {
    throw refuse(
      options,
      file,
      `has the volume version ${manifest.volumeVersion} in its manifest and ${version} in its version file`,
    );
  }
  return tree;
}

/** Fills a temporary volume, and proves it to be what was read. */
async function fillTemporary(
  scratch: Scratch,
  options: LoadOptions,
  version: number,
): Promise<{ tree: VolumeTree; volume: string }> {
  const { image } = options;
  const file = archivePath(options);
  const volume = await scratch.createVolume();
  const filling = await startFilling(scratch, { image, volume, version });
  const tree = await readArchive(options, version, filling.sink);
  const { entries, code, complaint } = await filling.done;
  const fault = code === 0
    ? await describeDifference(tree.entries, entries, version)
    : complaint.split("\n").at(-1);
  if (fault === undefined) return { tree, volume };
  throw refuse(options, file, `is not extracted rightly by BusyBox: ${fault}`);
}

function archivePath({ target, arch }: LoadOptions): string {
  return inPackage(target, outputNames(target.distroVersion, arch).archive);
}

async function requireArchive(options: LoadOptions): Promise<void> {
  const { target: { distroVersion }, arch } = options;
  const file = archivePath(options);
  const info = await Deno.stat(file).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (info?.isFile) {
    if (!await isLfsPointerFile(file)) return;
    throw new KrunnerError(
      `Cannot load "${distroVersion}" for ${arch} from "${file}": ${LFS_ADVICE}`,
    );
  }
  throw new KrunnerError(
    `Cannot load "${distroVersion}" for ${arch}: there is no "${file}"; build it with "build.ts ${distroVersion}"`,
  );
}

/** In what a volume that is there differs from an archive, in words. */
async function faultOf(
  scratch: Scratch,
  image: string,
  name: string,
  version: number,
  tree: VolumeTree,
): Promise<string | undefined> {
  const entries = await listVolume(scratch, { image, volume: name });
  return await describeDifference(tree.entries, entries, version);
}

/** In what a filled volume differs, in words; `undefined` where in nothing. */
async function describeDifference(
  expected: readonly TreeEntry[],
  actual: readonly TreeEntry[],
  version: number,
): Promise<string | undefined> {
  if (await isComplete(actual, version) === false) {
    return "it was filled in part only, for its version file is not there";
  }
  const [first, ...others] = compareTrees(
    expected.filter((entry) => !isVersionFile(entry)),
    actual.filter((entry) => !isVersionFile(entry)),
  );
  if (first === undefined) return undefined;
  const more = others.length === 0 ? "" : `, and ${others.length} more entries`;
  return `"./${first.path}": ${first.what}${more}`;
}

function isVersionFile({ path }: TreeEntry): boolean {
  return path === VERSION_FILE;
}

/**
 * Whether the extractor came to its end: the version file is the last thing that
 * it writes. Whether what is there is right is another matter.
 */
export async function isComplete(
  entries: readonly TreeEntry[],
  version: number,
): Promise<boolean> {
  const mark = entries.find(isVersionFile);
  return mark?.sha256 === await sha256(`${version}\n`);
}

/** The digest of what the archive of a volume must hold, as in its manifest. */
export function contentDigest(entries: readonly TreeEntry[]): string {
  return digestTree(entries.filter((entry) => !isVersionFile(entry)));
}
