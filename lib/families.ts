/**
 * Package directories by the names of their families.
 *
 * @module
 */

import { suggestion } from "./cli.ts";
import { UsageError } from "./errors.ts";
import type { PackageDir } from "./package_dir.ts";

/**
 * The package directories that families' names stand for, in the order in which
 * they were found. No name stands for the one that there is.
 *
 * @throws {UsageError} If a name is unknown, or none is given and there are
 * several.
 */
export async function selectFamilies(
  packages: readonly PackageDir[],
  names: readonly string[],
): Promise<PackageDir[]> {
  const families = packages.map(({ family }) => family);
  if (names.length === 0 && packages.length > 1) {
    throw new UsageError(
      `No family given: name one or more of ${families.join(", ")}`,
    );
  }
  for (const name of names) {
    if (families.includes(name)) continue;
    throw new UsageError(
      `Unknown family "${name}"${await suggestion(name, families)}; known are ${
        families.join(", ")
      }`,
    );
  }
  return packages.filter(({ family }) =>
    names.length === 0 || names.includes(family)
  );
}
