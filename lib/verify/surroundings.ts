/**
 * What stands around an archive: what it is to be, and the files beside it that
 * must agree with it.
 *
 * @module
 */

import { PACKAGE_DATA } from "../package_data.ts";
import { outputNames } from "../package_dir.ts";
import { readOptional } from "../read_optional.ts";
import { VERSIONS_LIST } from "../versions_list.ts";

/** What an archive is for. */
export interface Identity {
  /** The distro version, e.g. `debian12`. */
  readonly distroVersion: string;
  /** As Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
}

/** Everything about a volume that is not in its archive. */
export interface Surroundings {
  /** The archive's file name, without its folder. */
  readonly archiveName: string;
  /** What it is for; `undefined` where its name does not say so. */
  readonly identity: Identity | undefined;
  /**
   * The texts of the files beside it, by name: manifest, versions, dockerfile, data.
   * What is not there is not in it.
   */
  readonly texts: ReadonlyMap<string, string>;
  /**
   * Whether the archive is in its package directory. There, a file that is not
   * beside it is a finding. Beside an archive that lies elsewhere, its part of
   * the checks is skipped.
   */
  readonly inPackage: boolean;
}

/** The names of the files beside an archive that say something of it. */
export function companionNames({ distroVersion, arch }: Identity): {
  manifest: string;
  python: string;
  version: string;
  versions: string;
  dockerfile: string;
  data: string;
} {
  const { manifest, python, version } = outputNames(distroVersion, arch);
  return {
    manifest,
    python,
    version,
    versions: VERSIONS_LIST,
    dockerfile: `krunner-env.${distroVersion}.dockerfile`,
    data: PACKAGE_DATA,
  };
}

/** No distro version ends in ".x86_64", so the last component is the arch. */
const ARCHIVE_NAME = /^krunner-env\.(.+)\.([^.]+)\.tar\.xz$/;

/** What an archive of this file name is for. */
export function identityOf(archiveName: string): Identity | undefined {
  const [, distroVersion, arch] = ARCHIVE_NAME.exec(archiveName) ?? [];
  if (distroVersion === undefined || arch === undefined) return undefined;
  return { distroVersion, arch };
}

/**
 * Reads what stands around an archive.
 *
 * @param archive The archive's path
 * @param inPackage Whether it is in its package directory
 * @throws {KrunnerError} If a file is there and cannot be read.
 */
export async function readSurroundings(
  archive: string,
  inPackage: boolean,
): Promise<Surroundings> {
  const slash = archive.lastIndexOf("/") + 1;
  const archiveName = archive.slice(slash);
  const identity = identityOf(archiveName);
  const names = identity === undefined
    ? []
    : Object.values(companionNames(identity));
  const texts = new Map<string, string>();
  for (const name of names) {
    const text = await readOptional(archive.slice(0, slash) + name);
    if (text !== undefined) texts.set(name, text);
  }
  return { archiveName, identity, texts, inPackage };
}
