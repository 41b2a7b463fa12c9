/**
 * `versions.txt`: the distro versions that a package provides.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import type { PackageDir } from "../package_dir.ts";
import { readExactText } from "../version_changes.ts";

/** The name of the file. */
export const VERSIONS_FILE = "versions.txt";

/**
 * The distro versions in the text of a `versions.txt`, in its order.
 *
 * @param file Names the file in error messages.
 * @throws {KrunnerError} If there are none, one is there twice, or has blanks
 * around it, which older agents take for a part of it.
 */
export function parseListed(text: string, file: string): string[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  for (const [index, line] of lines.entries()) {
    const fault = !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(line)
      ? `${
        JSON.stringify(line)
      } is no distro version; write one a line, without blanks`
      : lines.indexOf(line) < index
      ? `"${line}" is there twice; remove one`
      : undefined;
    if (fault !== undefined) {
      throw new KrunnerError(`Cannot use "${file}": ${fault}`);
    }
  }
  if (lines.length === 0) {
    throw new KrunnerError(
      `Cannot use "${file}": it is empty; write the distro versions that the package provides, one a line`,
    );
  }
  return lines;
}

/**
 * Reads a package directory's `versions.txt`.
 *
 * @throws {KrunnerError} If it is missing, or as {@linkcode parseListed}.
 */
export async function readListed(
  { dir, files }: PackageDir,
): Promise<string[]> {
  const file = `${dir}/${VERSIONS_FILE}`;
  if (!files.has(VERSIONS_FILE)) {
    throw new KrunnerError(
      `Cannot read "${file}": it does not exist; write the distro versions that the package provides, one a line`,
    );
  }
  return parseListed(await readExactText(file), file);
}
