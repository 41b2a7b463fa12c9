/**
 * The names of a Python package and of the files that carry it.
 *
 * Sources: the Python packaging specifications "Names and normalization",
 * "Binary distribution format" and "Source distribution format" (PEP 503, 427,
 * 625), at packaging.python.org/specifications.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import type { PackageDir } from "../package_dir.ts";

/** The namespace package that all krunner packages are in, as a path. */
const NAMESPACE = "ai/backend/krunner";

/** The entry point group that agents look at. */
export const ENTRY_POINT_GROUP = "backendai_krunner_v10";

/** All names of one version of a package. */
export interface PackageNames {
  /** The project's name: `backend.ai-krunner-static-gnu`. */
  readonly project: string;
  /** The version as PEP 440 writes it: `1.4.0rc3`. */
  readonly version: string;
  /** The Python module below the namespace: `static_gnu`. */
  readonly module: string;
}

/**
 * The Python module of a package directory's family.
 *
 * @throws {KrunnerError} If it can be none: agents would fail to import it.
 */
export function moduleName({ dir, family }: PackageDir): string {
  const name = family.replaceAll("-", "_");
  if (/^[A-Za-z_]\w*$/.test(name)) return name;
  throw new KrunnerError(
    `Cannot make a package of "${dir}": "${name}" is no name for a Python module; rename the folder to letters, digits and "_"`,
  );
}

/** The folder of a module in a wheel: `ai/backend/krunner/debian`. */
export function moduleFolder(module: string): string {
  return `${NAMESPACE}/${module}`;
}

/** Whether a text is a project name that an index takes. */
export function isProjectName(name: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name);
}

/** `{name}-{version}` as file names have it: `backend_ai_krunner_debian-0.1.0`. */
export function fileStem({ project, version }: PackageNames): string {
  return `${project.replace(/[-_.]+/g, "_").toLowerCase()}-${version}`;
}

/** The folder of a wheel's own files. */
export function distInfo(names: PackageNames): string {
  return `${fileStem(names)}.dist-info`;
}

/** The source distribution's file name. */
export function sdistName(names: PackageNames): string {
  return `${fileStem(names)}.tar.gz`;
}

/**
 * The platforms that a wheel with volumes of one arch is for: every system that
 * an agent may run on, whatever the volumes inside are made for.
 */
export function platformTags(arch: string): string[] {
  return [
    `manylinux2014_${arch}`,
    `musllinux_1_1_${arch}`,
    `macosx_11_0_${arch === "aarch64" ? "arm64" : arch}`,
  ];
}

/** The wheel's file name; it holds all tags at once. */
export function wheelName(names: PackageNames, arch: string): string {
  return `${fileStem(names)}-py3-none-${platformTags(arch).join(".")}.whl`;
}

/**
 * The text of a wheel's `WHEEL`: each tag that the file name compresses, in full.
 * It goes where Python's own modules go, as the other parts of `ai.backend` do.
 *
 * @param generator What made the wheel: `krunner 0.1.0`.
 */
export function wheelText(arch: string, generator: string): string {
  const tags = platformTags(arch).map((tag) => `Tag: py3-none-${tag}\n`);
  return `Wheel-Version: 1.0\nGenerator: ${generator}\nRoot-Is-Purelib: true\n${
    tags.join("")
  }`;
}

/** The text of a wheel's `entry_points.txt`. */
export function entryPointsText(module: string): string {
  const plugin = `${moduleFolder(module).replaceAll("/", ".")}.plugin`;
  return `[${ENTRY_POINT_GROUP}]\n${module} = ${plugin}\n`;
}
