/**
 * What is to be released: found, and nothing changed.
 *
 * @module
 */

import type { BuildOptions } from "../build_all.ts";
import { selectFamilies } from "../families.ts";
import { KrunnerError } from "../errors.ts";
import { type Manifest, readManifest } from "../manifest.ts";
import {
  findPackageDirs,
  openPackages,
  type PackageDir,
} from "../package_dir.ts";
import { findPackageVersion } from "../package_version.ts";
import { realPlace } from "../real_place.ts";
import { readReleased, type Released } from "../released.ts";
import { packageVersionPath, readExactText } from "../version_changes.ts";
import { readListed } from "../wheel/listed.ts";
import {
  isProjectName,
  moduleName,
  type PackageNames,
  sdistName,
  wheelName,
} from "../wheel/names.ts";
import { findVersion } from "../wheel/package_version.ts";
import { findProject } from "../wheel/project.ts";
import { type Destination, findDestination } from "./destination.ts";
import { Git } from "./git.ts";
import type { ReleaseHost, ReleaseOptions } from "./options.ts";
import type { ReleaseSettings } from "./state.ts";
import { highest, lastTagged, tagPrefix } from "./tags.ts";

/** What is to be released, how, and from where. */
export interface Release {
  readonly pkg: PackageDir;
  /** The distro versions of `versions.txt`. */
  readonly listed: readonly string[];
  readonly names: PackageNames;
  readonly git: Git;
  readonly settings: ReleaseSettings;
  /** Where uploads go to; `undefined` with `--skip-publish`. */
  readonly destination: Destination | undefined;
  /** What the last release recorded. */
  readonly released: Released | undefined;
  /** The highest version that was released, by record or tag. */
  readonly last: string | undefined;
  /** The file of the release's state. */
  readonly statePath: string;
  /** The folder for archives of the last release. */
  readonly previous: string;
  /** The package directory's path below the checkout's top, with a slash at the end. */
  readonly below: string;
}

/**
 * Finds out what is to be released.
 *
 * @throws {UsageError} If the command line does not fit what is there.
 * @throws {KrunnerError} If there is no checkout, no version, no such repository.
 */
export async function prepareRelease(
  options: ReleaseOptions,
  host: ReleaseHost,
): Promise<Release> {
  const pkg = await findPackage(options, host);
  const git = await Git.open(pkg.dir);
  const names = await namesOf(pkg);
  const { family } = pkg;
  const { version } = names;
  const destination = options.skipPublish
    ? undefined
    : await findDestination(options, host.env);
  const released = await readReleased(pkg.dir);
  const tags = await git.tags();
  // A shallow clone has no tags; the record of the last release tells of one.
  const known = released === undefined ? tags : [...tags, released.tag];
  const prefix = tagPrefix(family, await isAlone(pkg), known);
  const tag = options.tag ?? `${prefix}${version}`;
  await git.requireTagName(tag);
  const dir = await Deno.realPath(pkg.dir);
  const tagged = lastTagged(prefix, tags.filter((it) => it !== tag));
  return {
    pkg,
    listed: await readListed(pkg),
    names,
    git,
    destination,
    released,
    last: highest([released?.version, tagged].filter((it) => it !== undefined)),
    settings: {
      family,
      dir,
      project: names.project,
      version,
      tag,
      branch: await git.branch() ?? "",
      commit: await git.head(),
      arches: options.arches,
      out: await realPlace(absolute(options.out, host.cwd)),
      repository: destination?.url ?? null,
    },
    statePath: await git.privatePath(`release-${family}.json`),
    previous: await git.privatePath(`released-${family}`),
    below: dir === git.top ? "" : `${dir.slice(git.top.length + 1)}/`,
  };
}

async function findPackage(
  { family, dir }: ReleaseOptions,
  { root }: ReleaseHost,
): Promise<PackageDir> {
  // A program's own dockerfiles are in no checkout: nothing is put anywhere.
  const packages = await openPackages(dir, root, { readOnly: true });
  const families = family === undefined ? [] : [family];
  const [pkg] = await selectFamilies(packages, families);
  if (pkg === undefined) throw new TypeError("no package directory");
  return pkg;
}

/** Whether there is no other family beside it. */
async function isAlone({ dir }: PackageDir): Promise<boolean> {
  const parent = (await Deno.realPath(dir)).replace(/\/[^/]*$/, "") || "/";
  return (await findPackageDirs(parent)).length === 1;
}

function absolute(path: string, cwd: string): string {
  return path.startsWith("/") ? path : `${cwd}/${path}`;
}

async function namesOf(pkg: PackageDir): Promise<PackageNames> {
  const { declared } = await findProject(pkg);
  const project = declared.name ?? `backend.ai-krunner-${pkg.family}`;
  if (!isProjectName(project)) {
    throw new KrunnerError(
      `Cannot release "${pkg.dir}": "${project}" is no name for a project; correct it where it is declared`,
    );
  }
  const file = packageVersionPath(pkg);
  const text = await readExactText(file);
  if (
    declared.version === undefined && findPackageVersion(text) === undefined
  ) {
    throw new KrunnerError(
      `Cannot release "${pkg.dir}": "${file}" has no version written in it, and the release makes the tag that it could come from; write a line "__version__ = '0.1.0'"`,
    );
  }
  const version = await findVersion(pkg, declared);
  return { project, version, module: moduleName(pkg) };
}

/** Names of all files that will be made: a wheel for each arch, then the sdist. */
export function fileNames({ names, settings }: Release): string[] {
  const wheels = settings.arches.map((arch) => wheelName(names, arch));
  return [...wheels, sdistName(names)];
}

/** The manifests of all volumes of a release. */
export async function readManifests(
  { pkg, listed, settings }: Release,
): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const distroVersion of listed) {
    for (const arch of settings.arches) {
      const manifest = await readManifest({ pkg, distroVersion }, arch);
      if (manifest !== undefined) manifests.push(manifest);
    }
  }
  return manifests;
}

/**
 * How the volumes of one arch are built: from what stands in the repository, with
 * no arguments, base image or wheels of the user's.
 */
export function buildOptions(
  { settings, listed }: Release,
  options: ReleaseOptions,
  arch: string,
): BuildOptions {
  const { base, mirror, keyring, sources, network, engine, jobs } = options;
  return {
    names: listed,
    all: false,
    dir: settings.dir,
    arch,
    base,
    mirror,
    keyring,
    sources,
    network,
    engine,
    jobs,
    buildArgs: {},
    noCache: false,
    verify: true,
    force: false,
    dryRun: false,
    json: false,
    verbosity: "normal",
  };
}
