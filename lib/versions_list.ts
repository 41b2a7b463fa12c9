/**
 * `versions.txt`: the distro versions that a package provides, one a line. The
 * agent looks for the volumes of these and no others.
 *
 * @module
 */

import { fileError } from "./errors.ts";
import type { PackageDir } from "./package_dir.ts";

/** The name of the list in a package directory. */
export const VERSIONS_LIST = "versions.txt";

/** The distro versions that the text of a `versions.txt` lists. */
export function parseVersionsList(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) =>
    line !== ""
  );
}

/**
 * Where the list and the dockerfiles of a package directory differ, as sentences
 * for a person; none where they agree.
 *
 * @param distroVersions Those to look at; all, and what is listed besides, by
 * default
 * @throws {KrunnerError} If the list is there and cannot be read.
 */
export async function describeListDifferences(
  { dir, files, distroVersions: known }: PackageDir,
  distroVersions?: readonly string[],
): Promise<string[]> {
  if (!files.has(VERSIONS_LIST)) {
    return [
      `There is no "${dir}/${VERSIONS_LIST}": an agent finds no volume of this package; list its distro versions there, one a line`,
    ];
  }
  const path = `${dir}/${VERSIONS_LIST}`;
  const listed = parseVersionsList(
    await Deno.readTextFile(path).catch((error) => {
      throw fileError("read", path, error);
    }),
  );
  const missing = (distroVersions ?? known)
    .filter((name) => !listed.includes(name));
  const strange = distroVersions === undefined
    ? listed.filter((name) => !known.includes(name))
    : [];
  return [
    ...missing.map((name) =>
      `"${dir}/${VERSIONS_LIST}" does not list "${name}": an agent never looks for its volume; add the line before you release it`
    ),
    ...strange.map((name) =>
      `"${dir}/${VERSIONS_LIST}" lists "${name}", which has no krunner-env.${name}.dockerfile: an agent looks for a volume that nobody can build; remove the line, or add the dockerfile`
    ),
  ];
}
