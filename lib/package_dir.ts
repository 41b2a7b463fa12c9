/**
 * Package directories: where the dockerfiles of a family are, what is looked up
 * in them, and how the files that a build leaves there are called.
 *
 * @module
 */

import { embeddedData } from "./embedded.ts";
import { fileError, isMissing, KrunnerError, UsageError } from "./errors.ts";
import {
  distroVersionOf,
  isPackageDir,
  OWN_FOLDER,
  packageDirsIn,
  packageDirsOfCheckout,
} from "./package_root.ts";
import { nearestWord } from "./suggestion.ts";

export { projectRoot } from "./package_root.ts";

/**
 * The stages of a volume's build. Only `env` is always there; upstream has
 * `wheels` and `python`. The others are this project's own: what needs the
 * distribution's archive stands in `toolchain`, so that the stages on top of it
 * build without a network; `standalone` is a Python that somebody else compiled;
 * `volume` is what families share of putting it all together.
 */
export type Stage =
  | "toolchain"
  | "wheels"
  | "python"
  | "standalone"
  | "volume"
  | "env";

/** All stages. */
export const STAGES: readonly Stage[] = [
  "toolchain",
  "wheels",
  "python",
  "standalone",
  "volume",
  "env",
];

/** A package directory as it was found on disk. */
export interface PackageDir {
  /** The directory's path. */
  readonly dir: string;
  /** The family, e.g. `debian` or `static-gnu`. */
  readonly family: string;
  /** The distro versions that have an env dockerfile, in natural order. */
  readonly distroVersions: readonly string[];
  /** The names of all files directly in the directory. */
  readonly files: ReadonlySet<string>;
}

/** One distro version of a package directory. */
export interface Target {
  /** The package directory. */
  readonly pkg: PackageDir;
  /** The distro version, e.g. `debian12`. */
  readonly distroVersion: string;
}

/** What a docker tag and a file name both can hold. */
const DISTRO_VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Files that a build writes; they never count as its inputs. */
const OUTPUT =
  /^(krunner-env\..+\.(tar\.xz|json)|krunner-(version|python)\..+\.txt|ttyd_linux\..+\.json|logs|__pycache__|\..+)$/;

/** Whether a name in a package directory is something that builds leave there. */
export function isOutput(name: string): boolean {
  return OUTPUT.test(name);
}

/**
 * Compares names as people count: `debian9` stands before `debian12`.
 *
 * Not by `localeCompare()`, whose first call loads 10 ms of tables: a fifth of a
 * run that has nothing to do.
 */
export function compareNatural(a: string, b: string): number {
  const [left, right] = [a, b].map((name) =>
    name.replace(/\d+/g, (digits) => digits.padStart(20, "0"))
  ) as [string, string];
  if (left === right) return a < b ? -1 : 1;
  return left < right ? -1 : 1;
}

/**
 * The family of the package directory `dir`: its last component, with `_` as
 * `-` (Python module names cannot have a `-`).
 */
export function familyOf(dir: string): string {
  const base = dir.replace(/\/+$/, "").split("/").at(-1) ?? "";
  return base.replaceAll("_", "-");
}

/**
 * Opens a package directory.
 *
 * @throws {KrunnerError} If `dir` is not a folder, or holds no
 * `krunner-env.{distro-version}.dockerfile`.
 */
export async function openPackageDir(dir: string): Promise<PackageDir> {
  const files = new Set<string>();
  let real: string;
  try {
    real = await Deno.realPath(dir);
    for await (const { name, isDirectory } of Deno.readDir(dir)) {
      if (!isDirectory) files.add(name);
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new KrunnerError(
        `Cannot open package directory "${dir}": it does not exist; name a folder that holds krunner-env.{distro-version}.dockerfile files`,
        { cause },
      );
    }
    if (cause instanceof Deno.errors.NotADirectory) {
      throw new KrunnerError(
        `Cannot open package directory "${dir}": it is not a folder; name a folder that holds krunner-env.{distro-version}.dockerfile files`,
        { cause },
      );
    }
    throw fileError("read", dir, cause);
  }
  const distroVersions = [...files]
    .map(distroVersionOf)
    .filter((name) => name !== undefined)
    .sort(compareNatural);
  if (distroVersions.length === 0) {
    const inside = [...packageDirsIn(dir), ...packageDirsOfCheckout(dir)]
      .map((path) => `"${path}"`);
    throw new KrunnerError(
      `Cannot use "${dir}" as a package directory: it holds no krunner-env.{distro-version}.dockerfile; point "--dir" at ${
        inside.join(" or ") || "the folder that does"
      }`,
    );
  }
  for (const name of distroVersions) {
    if (!DISTRO_VERSION.test(name)) {
      throw new KrunnerError(
        `Cannot use distro version "${name}" of "${dir}": a docker tag cannot hold it; rename krunner-env.${name}.dockerfile to letters, digits, ".", "_" and "-"`,
      );
    }
  }
  return { dir, family: familyOf(real), distroVersions, files };
}

/**
 * Opens every package directory below `root`, in the order of their names; or
 * `root` itself where it is one.
 *
 * @throws {KrunnerError} If `root` does not exist or holds none.
 */
export async function findPackageDirs(root: string): Promise<PackageDir[]> {
  if (isPackageDir(root)) return [await openPackageDir(root)];
  const dirs: string[] = [];
  try {
    for await (const { name } of Deno.readDir(root)) {
      dirs.push(`${root}/${name}`);
    }
  } catch (cause) {
    if (!isMissing(cause)) throw fileError("read", root, cause);
  }
  const found: PackageDir[] = [];
  for (const dir of dirs.sort()) {
    if (isPackageDir(dir)) found.push(await openPackageDir(dir));
  }
  if (found.length === 0) {
    throw new KrunnerError(
      `Cannot find package directories in "${root}": no folder there holds a krunner-env.{distro-version}.dockerfile; name one with "--dir"`,
    );
  }
  return found;
}

/** What a caller of {@linkcode openPackages} has in mind. */
export interface OpenOptions {
  /** Whether nothing will be written into package directories. */
  readonly readOnly?: boolean;
}

/**
 * The package directory `dir`, or, where none is given, those of `root`: what
 * `--dir` means to all scripts. A program that carries its dockerfiles makes
 * `root` first, where nothing else is there.
 *
 * @param root What {@linkcode projectRoot} gives
 * @throws {KrunnerError} As {@linkcode openPackageDir} and
 * {@linkcode findPackageDirs}; if `root` cannot be made.
 */
export async function openPackages(
  dir: string | undefined,
  root: string,
  { readOnly = false }: OpenOptions = {},
): Promise<PackageDir[]> {
  if (dir !== undefined) {
    // People's shells complete folders with a slash.
    return [await openPackageDir(dir.replace(/(?<=.)\/+$/, ""))];
  }
  const data = embeddedData();
  // A checkout around the working directory has package directories of its own.
  if (data === undefined || root !== OWN_FOLDER) {
    return await findPackageDirs(root);
  }
  const { provideDockerfiles } = await import("./own_dockerfiles.ts");
  return await findPackageDirs(await provideDockerfiles(data, root, readOnly));
}

/**
 * The targets that the names (or `all`) stand for, each once.
 *
 * @throws {UsageError} If a name is unknown (the known ones are listed and the
 * nearest is suggested), in two packages at once, or nothing is named.
 */
export function selectTargets(
  packages: readonly PackageDir[],
  names: readonly string[],
  { all }: { all: boolean },
): Target[] {
  const known = packages.flatMap((pkg) =>
    pkg.distroVersions.map((distroVersion) => ({ pkg, distroVersion }))
  );
  const list = known.map((target) => target.distroVersion).join(", ");
  if (all && names.length > 0) {
    throw new UsageError(
      `Cannot combine "--all" with "${
        names.join(" ")
      }": give either names or "--all"`,
    );
  }
  if (all) return known;
  if (names.length === 0) {
    throw new UsageError(
      `No distro version given: name one or more of ${list}, or give "--all"`,
    );
  }
  return [...new Set(names)].map((name) => findTarget(known, name, list));
}

function findTarget(
  known: readonly Target[],
  name: string,
  list: string,
): Target {
  const found = known.filter((target) => target.distroVersion === name);
  const [target, other] = found;
  if (target === undefined) {
    const nearest = nearestWord(
      name,
      known.map((target) => target.distroVersion),
    );
    throw new UsageError(
      nearest === undefined
        ? `Unknown distro version "${name}": known are ${list}`
        : `Unknown distro version "${name}": did you mean "${nearest}"? Known are ${list}`,
    );
  }
  if (other !== undefined) {
    throw new UsageError(
      `Distro version "${name}" is in "${target.pkg.dir}" and in "${other.pkg.dir}": say which with "--dir"`,
    );
  }
  return target;
}

/** The path of a file in the target's package directory. */
export function inPackage(target: Target, name: string): string {
  return `${target.pkg.dir}/${name}`;
}

/** The path of the dockerfile that carries the target's volume version. */
export function envDockerfilePath(target: Target): string {
  return inPackage(target, `krunner-env.${target.distroVersion}.dockerfile`);
}

/**
 * The name of the dockerfile for a stage: the distro version's own, else the
 * family's, so that what is alike is written once. The env stage is always the
 * distro version's own, for it carries the label.
 */
export function stageDockerfile(
  target: Target,
  stage: Stage,
): string | undefined {
  const { pkg, distroVersion } = target;
  const owners = stage === "env"
    ? [distroVersion]
    : [distroVersion, pkg.family];
  return owners
    .map((owner) => `krunner-${stage}.${owner}.dockerfile`)
    .find((name) => pkg.files.has(name));
}

/** The files that a build of one distro version for one arch leaves behind. */
export interface OutputNames {
  /** The packed volume. */
  readonly archive: string;
  /** What is in it and what it was made from. */
  readonly manifest: string;
  /** The packages in it and their licences, as an SPDX document. */
  readonly spdx: string;
  /** `major.minor` of the volume's Python. */
  readonly python: string;
  /** The volume version. */
  readonly version: string;
}

/** The names of a build's outputs; the agent looks for all but manifest and SPDX. */
export function outputNames(distroVersion: string, arch: string): OutputNames {
  const stem = `krunner-env.${distroVersion}.${arch}`;
  return {
    archive: `${stem}.tar.xz`,
    manifest: `${stem}.json`,
    spdx: `${stem}.spdx.json`,
    python: `krunner-python.${distroVersion}.txt`,
    version: `krunner-version.${distroVersion}.txt`,
  };
}
