/**
 * The files of a package directory that go into a wheel: those that `versions.txt`
 * promises, of one arch, and no others. They must tell the same.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { isLfsPointerFile, LFS_ADVICE } from "../git_lfs.ts";
import { readVolumeVersion } from "../labels.ts";
import { type Manifest, parseManifest } from "../manifest.ts";
import {
  envDockerfilePath,
  outputNames,
  type PackageDir,
  type Target,
} from "../package_dir.ts";
import { parsePythonInt } from "../verify/contract.ts";
import { readExactText } from "../version_changes.ts";
import { byName, type Entry } from "./entry.ts";
import { VERSIONS_FILE } from "./listed.ts";

/** A volume as the files beside its archive tell of it. */
export interface VolumeFacts {
  readonly distroVersion: string;
  /** The volume version. */
  readonly version: number;
  /** `major.minor` of its Python. */
  readonly python: string;
}

/** What a package directory gives to the wheel of one arch. */
export interface FileSet {
  /** Package data by its name in the package directory, sorted. */
  readonly files: readonly Entry[];
  /** SPDX documents, sorted. */
  readonly sboms: readonly Entry[];
  /** In the order of `versions.txt`. */
  readonly volumes: readonly VolumeFacts[];
  /** What is worth knowing, and no error. */
  readonly notices: readonly string[];
}

/** The terminal's file name. */
export function ttydName(arch: string): string {
  return `ttyd_linux.${arch}.bin`;
}

/** The distro version and the arch of an archive's file name. */
function parseArchiveName(name: string): [string, string] | undefined {
  const [, distroVersion, arch] =
    /^krunner-env\.(.+)\.([^.]+)\.tar\.xz$/.exec(name) ?? [];
  return distroVersion === undefined || arch === undefined
    ? undefined
    : [distroVersion, arch];
}

/** The arches that at least one of the distro versions was built for, sorted. */
export function builtArches(
  { files }: PackageDir,
  listed: readonly string[],
): string[] {
  const arches = [...files].flatMap((name) => {
    const [distroVersion, arch] = parseArchiveName(name) ?? [];
    return distroVersion !== undefined && arch !== undefined &&
        listed.includes(distroVersion)
      ? [arch]
      : [];
  });
  return [...new Set(arches)].sort();
}

/**
 * Gathers the files of a wheel and checks them against each other. The archives'
 * own bytes are compared with the manifests when they are read.
 *
 * @param listed The distro versions of `versions.txt`.
 * @throws {KrunnerError} If a file is missing, with what to build, or they differ.
 */
export async function findFileSet(
  pkg: PackageDir,
  listed: readonly string[],
  arch: string,
): Promise<FileSet> {
  requireDockerfiles(pkg, listed);
  await requireOutputs(pkg, listed, arch);
  const volumes: VolumeFacts[] = [];
  const files = moduleEntries(pkg);
  const sboms: Entry[] = [];
  for (const distroVersion of listed) {
    const { facts, archive } = await readVolume({ pkg, distroVersion }, arch);
    const names = outputNames(distroVersion, arch);
    await requireNoPointer(`${pkg.dir}/${names.archive}`);
    const entry = (name: string): Entry => ({
      name,
      content: `${pkg.dir}/${name}`,
      mode: 0o644,
      distroVersion,
    });
    volumes.push(facts);
    files.push(
      {
        ...entry(names.archive),
        expected: { sha256: archive.sha256, by: names.manifest },
      },
      ...[names.manifest, names.python, names.version].map(entry),
    );
    sboms.push(entry(names.spdx));
  }
  const ttyd = ttydName(arch);
  const ttydPath = `${pkg.dir}/${ttyd}`;
  const hasTtyd = await isFile(ttydPath);
  if (hasTtyd) {
    await requireTtyd(ttydPath);
    files.push({ name: ttyd, content: ttydPath, mode: 0o755 });
  }
  return {
    files: files.sort(byName),
    sboms: sboms.sort(byName),
    volumes,
    notices: [
      ...hasTtyd
        ? []
        : [`There is no ${ttyd}: the wheel for ${arch} goes without`],
      ...unlisted(pkg, listed, arch).map((name) =>
        `${name} was built for ${arch} and is left out: ${VERSIONS_FILE} does not list it`
      ),
    ],
  };
}

/** The package's modules and the list itself. */
function moduleEntries({ dir, files }: PackageDir): Entry[] {
  for (const name of ["__init__.py", "plugin.py"]) {
    if (files.has(name)) continue;
    throw new KrunnerError(
      `Cannot make a package of "${dir}": it has no ${name}; add one, see "Package directories" in the README`,
    );
  }
  return [...files]
    .filter((name) => name === VERSIONS_FILE || name.endsWith(".py"))
    .map((name) => ({ name, content: `${dir}/${name}`, mode: 0o644 }));
}

function requireDockerfiles(pkg: PackageDir, listed: readonly string[]): void {
  for (const name of listed) {
    if (pkg.distroVersions.includes(name)) continue;
    throw new KrunnerError(
      `Cannot make a wheel of "${pkg.dir}": ${VERSIONS_FILE} lists "${name}", but there is no krunner-env.${name}.dockerfile; add it, or take the line out`,
    );
  }
}

/** @throws {KrunnerError} If what stands for the terminal is no program. */
async function requireTtyd(path: string): Promise<void> {
  await requireNoPointer(path);
  const { size } = await Deno.stat(path);
  if (size > 0) return;
  throw new KrunnerError(
    `Cannot pack "${path}": it is empty; build it with "ttyd.ts", or remove it`,
  );
}

async function requireNoPointer(path: string): Promise<void> {
  if (!await isLfsPointerFile(path)) return;
  throw new KrunnerError(`Cannot pack "${path}": ${LFS_ADVICE}`);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** @throws {KrunnerError} If outputs are missing: all of them are named. */
async function requireOutputs(
  { dir }: PackageDir,
  listed: readonly string[],
  arch: string,
): Promise<void> {
  const incomplete: string[] = [];
  const missing: string[] = [];
  for (const distroVersion of listed) {
    const names = Object.values(outputNames(distroVersion, arch));
    const absent: string[] = [];
    for (const name of names) {
      if (!await isFile(`${dir}/${name}`)) absent.push(name);
    }
    if (absent.length > 0) incomplete.push(distroVersion);
    missing.push(...absent);
  }
  if (missing.length === 0) return;
  throw new KrunnerError(
    `Cannot make the wheel of "${dir}" for ${arch}: ${VERSIONS_FILE} promises ${
      incomplete.join(", ")
    }, but there is no ${missing.join(", ")}; build with "build.ts ${
      incomplete.join(" ")
    } --arch ${arch}"`,
  );
}

/** Reads what stands beside an archive, which must agree. */
async function readVolume(
  target: Target,
  arch: string,
): Promise<{ facts: VolumeFacts; archive: Manifest["archive"] }> {
  const { pkg: { dir }, distroVersion } = target;
  const names = outputNames(distroVersion, arch);
  const dockerfile = envDockerfilePath(target);
  const [label, version, python, manifestText, spdx] = await Promise.all([
    readExactText(dockerfile),
    ...[names.version, names.python, names.manifest, names.spdx].map((name) =>
      readExactText(`${dir}/${name}`)
    ),
  ]) as [string, string, string, string, string];
  const manifest = parseManifest(manifestText, `${dir}/${names.manifest}`);
  const volumeVersion = readVolumeVersion(label, dockerfile);
  const claims: [file: string, says: unknown, is: unknown][] = [
    [names.version, parsePythonInt(version) ?? version.trim(), volumeVersion],
    [names.manifest, manifest.volumeVersion, volumeVersion],
    [names.manifest, manifest.distroVersion, distroVersion],
    [names.manifest, manifest.arch, arch],
    [names.manifest, manifest.archive.file, names.archive],
    [names.python, python.trim(), manifest.python],
  ];
  for (const [file, says, is] of claims) {
    if (says !== is) throw disagreement(target, arch, file, says, is);
  }
  const { sha256 } = manifest.archive;
  if (!spdx.includes(sha256)) {
    throw disagreement(target, arch, names.spdx, "another archive", sha256);
  }
  return {
    facts: { distroVersion, version: volumeVersion, python: manifest.python },
    archive: manifest.archive,
  };
}

function disagreement(
  { pkg, distroVersion }: Target,
  arch: string,
  file: string,
  says: unknown,
  is: unknown,
): KrunnerError {
  return new KrunnerError(
    `Cannot pack "${distroVersion}": "${pkg.dir}/${file}" says ${says}, and what is beside it ${is}; build it again with "build.ts ${distroVersion} --arch ${arch}"`,
  );
}

/** Distro versions with an archive that no agent would look for. */
function unlisted(
  { files }: PackageDir,
  listed: readonly string[],
  wanted: string,
): string[] {
  return [...files].flatMap((name) => {
    const [distroVersion, arch] = parseArchiveName(name) ?? [];
    return distroVersion !== undefined && arch === wanted &&
        !listed.includes(distroVersion)
      ? [distroVersion]
      : [];
  }).sort();
}
