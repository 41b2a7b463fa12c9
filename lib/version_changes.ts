/**
 * Plans to raise versions: pure data until {@linkcode applyChanges}.
 *
 * @module
 */

import { commitFiles } from "./commit_files.ts";
import { KrunnerError } from "./errors.ts";
import { readVolumeVersion, setVolumeVersion } from "./labels.ts";
import {
  envDockerfilePath,
  type PackageDir,
  type Target,
} from "./package_dir.ts";
import {
  nextPackageVersion,
  readPackageVersion,
  setPackageVersion,
} from "./package_version.ts";

/** One version that changes in one file. */
export interface VersionChange {
  /** Which kind of version. */
  kind: "volume" | "package";
  /** The distro version, or the package's family. */
  name: string;
  /** The file that carries the version. */
  file: string;
  /** The version before. */
  from: string;
  /** The version after. */
  to: string;
  /** The file's text before. */
  before: string;
  /** The file's text after. */
  after: string;
}

/**
 * A file's text such that writing it again gives the same bytes: a byte order
 * mark stays, and what is not UTF-8 is refused.
 *
 * @throws {KrunnerError} If the file is missing or not UTF-8.
 */
export async function readExactText(file: string): Promise<string> {
  try {
    const bytes = await Deno.readFile(file);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch (cause) {
    if (cause instanceof TypeError) {
      throw new KrunnerError(
        `Cannot read "${file}": it is not UTF-8; convert it`,
        { cause },
      );
    }
    if (cause instanceof Deno.errors.NotFound) {
      throw new KrunnerError(`Cannot read "${file}": it does not exist`, {
        cause,
      });
    }
    throw cause;
  }
}

/** The file that carries a package's version. */
export function packageVersionPath({ dir }: PackageDir): string {
  return `${dir}/__init__.py`;
}

/**
 * Plans new volume versions: each one higher by one, or all `to`.
 *
 * @throws {KrunnerError} If a label is bad, or a version would stay or go down.
 */
export async function planVolumeChanges(
  targets: readonly Target[],
  to?: number,
): Promise<VersionChange[]> {
  return await Promise.all(targets.map(async (target) => {
    const file = envDockerfilePath(target);
    const before = await readExactText(file);
    const current = readVolumeVersion(before, file);
    const next = to ?? current + 1;
    if (next <= current) {
      throw new KrunnerError(
        `Cannot set volume version ${next} for "${target.distroVersion}": it is not above the current ${current}; a version never goes down`,
      );
    }
    return {
      kind: "volume",
      name: target.distroVersion,
      file,
      from: String(current),
      to: String(next),
      before,
      after: setVolumeVersion(before, file, next),
    };
  }));
}

/**
 * Plans new package versions.
 *
 * @param change A step (`minor`) or a version (`3.6.0`).
 * @throws {KrunnerError} If a file has no good version, `change` is none, or a
 * version would stay or go down.
 */
export async function planPackageChanges(
  packages: readonly PackageDir[],
  change: string,
): Promise<VersionChange[]> {
  return await Promise.all(packages.map(async (pkg) => {
    const file = packageVersionPath(pkg);
    if (!pkg.files.has("__init__.py")) {
      throw new KrunnerError(
        `Cannot raise the package version of "${pkg.family}": there is no "${file}"; add it with a line "__version__ = '0.1.0'"`,
      );
    }
    const before = await readExactText(file);
    const from = readPackageVersion(before, file);
    const to = nextPackageVersion(from, change);
    const after = setPackageVersion(before, file, to);
    return { kind: "package", name: pkg.family, file, from, to, before, after };
  }));
}

/**
 * Writes all changes or none.
 *
 * @throws {KrunnerError} If a file cannot be written; none is changed then.
 */
export async function applyChanges(
  changes: readonly VersionChange[],
): Promise<void> {
  await commitFiles(
    changes.map(({ file, after }) => ({ path: file, content: after })),
  );
}
