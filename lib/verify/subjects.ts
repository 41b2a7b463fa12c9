/**
 * Which archives the words of a command line stand for.
 *
 * @module
 */

import { KrunnerError, UsageError } from "../errors.ts";
import { isLfsPointerFile, LFS_ADVICE } from "../git_lfs.ts";
import {
  inPackage,
  openPackages,
  outputNames,
  selectTargets,
  type Target,
} from "../package_dir.ts";

/** An archive that is to be looked at. */
export interface Subject {
  /** Its path. */
  readonly archive: string;
  /** The distro version that it was found by; none where its path was given. */
  readonly target?: Target;
}

/** Where distro versions are looked up. */
export interface Place {
  /** The package directory; every one below the root by default. */
  readonly dir?: string | undefined;
  /** Where package directories are; see `projectRoot()`. */
  readonly root: string;
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
}

const ARCHIVE = ".tar.xz";
const MANIFEST = ".json";

/** Whether a word is a path, and not a distro version. */
function isPath(word: string): boolean {
  return word.includes("/") || word.endsWith(ARCHIVE) ||
    word.endsWith(MANIFEST);
}

/** A manifest stands for the archive beside it. */
function archiveOf(path: string): string {
  return path.endsWith(MANIFEST)
    ? `${path.slice(0, -MANIFEST.length)}${ARCHIVE}`
    : path;
}

/**
 * The archives that words stand for: paths of archives or of their manifests,
 * and distro versions, in the order given.
 *
 * @throws {UsageError} If a distro version is unknown, or nothing is named.
 * @throws {KrunnerError} If a package directory cannot be opened.
 */
export async function findSubjects(
  words: readonly string[],
  place: Place,
  { all }: { all: boolean },
): Promise<Subject[]> {
  const paths = words.filter(isPath);
  if (all && paths.length > 0) {
    throw new UsageError(
      `Cannot combine "--all" with "${
        paths.join(" ")
      }": give either archives or "--all"`,
    );
  }
  if (words.length > 0 && paths.length === words.length) {
    return paths.map((path) => ({ archive: archiveOf(path) }));
  }
  const packages = await openPackages(place.dir, place.root, {
    readOnly: true,
  });
  const names = words.filter((word) => !isPath(word));
  const targets = selectTargets(packages, names, { all });
  if (all) return targets.map((target) => subjectOf(target, place.arch));
  return words.map((word) => {
    const target = targets.find((it) => it.distroVersion === word);
    return target === undefined
      ? { archive: archiveOf(word) }
      : subjectOf(target, place.arch);
  });
}

function subjectOf(target: Target, arch: string): Subject {
  const { archive } = outputNames(target.distroVersion, arch);
  return { archive: inPackage(target, archive), target };
}

/**
 * Makes sure that there is an archive.
 *
 * @throws {KrunnerError} If there is none, or its pointer only: with what to do.
 */
export async function requireArchive(
  { archive, target }: Subject,
): Promise<void> {
  const info = await Deno.stat(archive).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  });
  if (info?.isFile) {
    if (!await isLfsPointerFile(archive)) return;
    throw new KrunnerError(`Cannot read "${archive}": ${LFS_ADVICE}`);
  }
  const state = info === undefined ? "it does not exist" : "it is not a file";
  throw new KrunnerError(
    target === undefined
      ? `Cannot read "${archive}": ${state}; give the path of a .tar.xz, or the name of a distro version`
      : `Cannot read "${archive}": ${state}; build it with "build.ts ${target.distroVersion}", or name another arch with "--arch"`,
  );
}
