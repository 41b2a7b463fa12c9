/**
 * What changed between two volumes: what a changelog needs, and what explains
 * two builds that should be the same and are not.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { type Manifest, parseManifest } from "../manifest.ts";
import {
  findPackages,
  isPackageText,
  type PackageRecord,
} from "../packages.ts";
import { pythonVersions } from "./layout.ts";
import { readVolume } from "./read.ts";
import {
  companionNames,
  readSurroundings,
  type Surroundings,
} from "./surroundings.ts";
import type { TreeEntry, VolumeTree } from "./tree.ts";

/** One of the two volumes. */
export interface DiffSide {
  /** The archive's path. */
  readonly archive: string;
  /** The Python version, as exactly as it is known. */
  readonly python?: string;
  /** The volume version, where a manifest of the archive says it. */
  readonly volumeVersion?: number;
  /** Bytes, packed. */
  readonly size: number;
  /** Bytes, unpacked. */
  readonly unpackedSize: number;
  /** Number of entries. */
  readonly entries: number;
  /** SHA-256 of the archive. */
  readonly sha256: string;
  /** SHA-256 of the tree. */
  readonly treeSha256: string;
}

/** A package that is in one of the volumes only, or differs. */
export interface PackageChange {
  /** Its name. */
  readonly name: string;
  /** Its package URL without the version: `pkg:pypi/six`. */
  readonly purl: string;
  /** What it was; absent where it was added. */
  readonly old?: PackageFacts;
  /** What it is; absent where it was removed. */
  readonly new?: PackageFacts;
}

/** What may change of a package. */
export interface PackageFacts {
  /** The version, where it is known. */
  readonly version?: string;
  /** An SPDX licence expression. */
  readonly licence: string;
}

/** A file, folder or link that is in one of the volumes only, or differs. */
export interface EntryChange {
  /** Its path below the root. */
  readonly path: string;
  /** What it was; absent where it was added. */
  readonly old?: EntryFacts;
  /** What it is; absent where it was removed. */
  readonly new?: EntryFacts;
}

/** What may change of an entry. */
export type EntryFacts = Pick<
  TreeEntry,
  "type" | "mode" | "size" | "link" | "sha256"
>;

/** All that changed. */
export interface VolumeDiff {
  /** The first volume. */
  readonly old: DiffSide;
  /** The second one. */
  readonly new: DiffSide;
  /** Changed packages in the order of their package URLs. */
  readonly packages: readonly PackageChange[];
  /** Changed entries in the order of their paths. */
  readonly entries: readonly EntryChange[];
  /**
   * Why the archives' bytes differ although no entry does; empty where entries
   * differ, or nothing does.
   */
  readonly packing: readonly string[];
}

/** A volume that was read. */
interface Volume {
  readonly side: DiffSide;
  readonly tree: VolumeTree;
  readonly packages: readonly PackageRecord[];
}

/**
 * Compares two archives.
 *
 * @throws {KrunnerError} If one of them cannot be read to its end.
 * @throws {CancelledError} If the signal was aborted.
 */
export async function diffVolumes(
  oldArchive: string,
  newArchive: string,
  signal?: AbortSignal,
): Promise<VolumeDiff> {
  const [before, after] = await Promise.all([
    openVolume(oldArchive, signal),
    openVolume(newArchive, signal),
  ]);
  const entries = diffEntries(before.tree, after.tree);
  return {
    old: before.side,
    new: after.side,
    packages: diffPackages(before.packages, after.packages),
    entries,
    packing: entries.length > 0 ? [] : diffPacking(before.tree, after.tree),
  };
}

async function openVolume(
  archive: string,
  signal: AbortSignal | undefined,
): Promise<Volume> {
  const [surroundings, tree] = await Promise.all([
    readSurroundings(archive, false),
    readVolume(archive, {
      signal,
      keepText: (path) => isPackageText(`./${path}`),
    }),
  ]);
  if (!tree.complete) {
    throw new KrunnerError(
      `Cannot compare "${archive}": it is broken (${
        tree.tarProblems.at(-1)?.what
      }); see "verify.ts ${archive}"`,
    );
  }
  const manifest = manifestOf(tree, surroundings);
  const python = pythonOf(tree, manifest);
  return {
    tree,
    packages: packagesOf(tree, surroundings, python),
    side: {
      archive,
      ...python === undefined ? {} : { python },
      ...manifest === undefined
        ? {}
        : { volumeVersion: manifest.volumeVersion },
      ...tree.packed,
      unpackedSize: tree.entries.reduce((sum, { size }) => sum + size, 0),
      entries: tree.entries.length,
      treeSha256: tree.treeSha256,
    },
  };
}

/** The manifest beside the archive, if it is of this very archive. */
function manifestOf(
  tree: VolumeTree,
  { identity, texts }: Surroundings,
): Manifest | undefined {
  if (identity === undefined) return undefined;
  const name = companionNames(identity).manifest;
  const text = texts.get(name);
  if (text === undefined) return undefined;
  const manifest = parseManifest(text, name);
  return manifest.archive.sha256 === tree.packed.sha256 ? manifest : undefined;
}

/** The tree itself knows no more than `major.minor`. */
function pythonOf(
  tree: VolumeTree,
  manifest: Manifest | undefined,
): string | undefined {
  const recorded = manifest?.packages.find(({ purl }) =>
    purl.startsWith("pkg:generic/python@")
  );
  return recorded?.version ?? pythonVersions(tree)[0];
}

function packagesOf(
  { entries, texts }: VolumeTree,
  { identity }: Surroundings,
  python: string | undefined,
): readonly PackageRecord[] {
  const files = entries.filter(({ type }) =>
    type === "file" || type === "hard link"
  );
  const found = findPackages({
    files: new Set(files.map(({ path }) => `./${path}`)),
    texts: new Map([...texts].map(([path, text]) => [`./${path}`, text])),
    pythonVersion: python ?? "unknown",
  }, {
    distroVersion: identity?.distroVersion ?? "",
    arch: identity?.arch ?? "",
  });
  return found.packages;
}

/** All keys of two maps, in their order. */
function allKeys<T>(
  a: ReadonlyMap<string, T>,
  b: ReadonlyMap<string, T>,
): string[] {
  return [...new Set([...a.keys(), ...b.keys()])]
    .sort((x, y) => x < y ? -1 : x > y ? 1 : 0);
}

/** What is compared of a package. */
type ComparedPackage = Pick<
  PackageRecord,
  "name" | "version" | "purl" | "licence"
>;

/** Version and qualifiers, such as the distribution's release, are no part of the name. */
function packageKey({ purl }: ComparedPackage): string {
  return purl.replace(/[@?].*$/, "");
}

function packageFacts({ version, licence }: ComparedPackage): PackageFacts {
  return { ...version === undefined ? {} : { version }, licence };
}

/** The packages that differ in version or licence, or are in one list only. */
export function diffPackages(
  before: readonly ComparedPackage[],
  after: readonly ComparedPackage[],
): PackageChange[] {
  const old = new Map(before.map((it) => [packageKey(it), it]));
  const fresh = new Map(after.map((it) => [packageKey(it), it]));
  return allKeys(old, fresh).flatMap((purl) => {
    const a = old.get(purl);
    const b = fresh.get(purl);
    if (a?.version === b?.version && a?.licence === b?.licence) return [];
    return [{
      name: (b ?? a)?.name ?? purl,
      purl,
      ...a === undefined ? {} : { old: packageFacts(a) },
      ...b === undefined ? {} : { new: packageFacts(b) },
    }];
  });
}

function entryFacts(
  { type, mode, size, link, sha256 }: TreeEntry,
): EntryFacts {
  return { type, mode, size, link, sha256 };
}

function isSame(a: TreeEntry, b: TreeEntry): boolean {
  return a.type === b.type && a.mode === b.mode && a.link === b.link &&
    a.sha256 === b.sha256;
}

/** The entries that differ in what is extracted, or are in one tree only. */
export function diffEntries(
  { byPath: before }: VolumeTree,
  { byPath: after }: VolumeTree,
): EntryChange[] {
  return allKeys(before, after).flatMap((path) => {
    const a = before.get(path);
    const b = after.get(path);
    if (a !== undefined && b !== undefined && isSame(a, b)) return [];
    return [{
      path,
      ...a === undefined ? {} : { old: entryFacts(a) },
      ...b === undefined ? {} : { new: entryFacts(b) },
    }];
  });
}

/** Why the bytes of two archives of the same entries differ. */
export function diffPacking(before: VolumeTree, after: VolumeTree): string[] {
  if (before.packed.sha256 === after.packed.sha256) return [];
  const pairs = before.entries.map((a, i) => [a, after.entries[i]] as const);
  const changed = pairs.find(([a, b]) => a.mtime !== b?.mtime);
  const owned = pairs.find(([a, b]) => owner(a) !== owner(b));
  const reasons = [
    ...pairs.every(([a, b]) => a.name === b?.name) &&
        before.entries.length === after.entries.length
      ? []
      : ["entries come in another order, or by other names"],
    ...changed === undefined
      ? []
      : [`time stamps: ${changed[0].mtime}, then ${changed[1]?.mtime}`],
    ...owned === undefined
      ? []
      : [`owners: ${owner(owned[0])}, then ${owner(owned[1])}`],
  ];
  return reasons.length > 0
    ? reasons
    : ["compressed in another way: another xz, or other options"];
}

function owner(entry: TreeEntry | undefined): string {
  if (entry === undefined) return "none";
  const { uid, gid, userName, groupName } = entry;
  const names = userName === "" && groupName === ""
    ? ""
    : ` (${userName}:${groupName})`;
  return `${uid}:${gid}${names}`;
}
