/**
 * The version that a Python package is published under.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import type { PackageDir } from "../package_dir.ts";
import { readPackageVersion } from "../package_version.ts";
import { capture } from "../process.ts";
import { packageVersionPath, readExactText } from "../version_changes.ts";
import type { Declared } from "./declared.ts";
import { normalizeVersion } from "./python_version.ts";

/**
 * The version as PEP 440 writes it: the one that the project declares, else
 * `__version__`, else, for projects that keep it in git alone (setuptools_scm), the
 * tag of the commit that is checked out.
 *
 * @throws {KrunnerError} If there is none, or two that differ.
 */
export async function findVersion(
  pkg: PackageDir,
  { version }: Declared,
): Promise<string> {
  const file = packageVersionPath(pkg);
  const text = await readExactText(file);
  const own = hasLiteral(text)
    ? normalize(readPackageVersion(text, file), `__version__ of "${file}"`)
    : undefined;
  if (version === undefined) return own ?? await tagVersion(pkg, text, file);
  const declared = normalize(version, "the project's version");
  if (own === undefined || own === declared) return declared;
  throw new KrunnerError(
    `Cannot tell the version of "${pkg.dir}": its project declares ${declared}, and "${file}" says ${own}; make them the same`,
  );
}

/** Whether `__version__` is a text there, not what an expression gives. */
function hasLiteral(text: string): boolean {
  return /^__version__[^=\n]*=\s*["']/m.test(text);
}

function normalize(version: string, what: string): string {
  const normal = normalizeVersion(version);
  if (normal !== undefined) return normal;
  throw new KrunnerError(
    `Cannot use "${version}", ${what}: Python's tools take it for no version; write one like "1.2.3" or "1.2.3-rc.1"`,
  );
}

async function tagVersion(
  pkg: PackageDir,
  text: string,
  file: string,
): Promise<string> {
  const tags = await headTags(pkg.dir);
  const versions = new Set(
    tags.map(normalizeVersion).filter((version) => version !== undefined),
  );
  const [version, ...others] = versions;
  if (version !== undefined && others.length === 0) return version;
  if (version !== undefined) {
    throw new KrunnerError(
      `Cannot tell the version of "${pkg.dir}": its commit has the tags ${
        tags.join(", ")
      }; keep one of them`,
    );
  }
  if (/^\s*__version__\s*=/m.test(text)) {
    throw new KrunnerError(
      `Cannot tell the version of "${pkg.dir}": "${file}" has it computed, and the commit has no tag like "1.2.3"; tag it, or write the version there`,
    );
  }
  // Says what is wrong with it.
  return readPackageVersion(text, file);
}

/** Tags of the commit that is checked out; none outside a checkout. */
async function headTags(dir: string): Promise<string[]> {
  try {
    const { code, stdout } = await capture(
      ["git", "tag", "--points-at", "HEAD"],
      { cwd: dir },
    );
    return code === 0 ? stdout.split("\n").filter((tag) => tag !== "") : [];
  } catch (error) {
    if (error instanceof KrunnerError) return [];
    throw error;
  }
}
