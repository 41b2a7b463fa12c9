/**
 * `SHA256SUMS`: the checksums of a collected folder, as `sha256sum --check` reads
 * them.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { hashOf } from "../part_file.ts";

/** The list's name in a collected folder. */
export const CHECKSUM_FILE = "SHA256SUMS";

/** SHA-256 in lower-case hex by path, relative to the list's folder. */
export type Checksums = ReadonlyMap<string, string>;

/** The text of a list, sorted by path. No path may have a line break or a `\`. */
export function formatChecksums(sums: Checksums): string {
  return [...sums]
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([path, sha256]) => `${sha256}  ${path}\n`)
    .join("");
}

/**
 * Parses a list; `file` is for messages.
 *
 * @throws {KrunnerError} If a line is no checksum.
 */
export function parseChecksums(text: string, file: string): Checksums {
  const sums = new Map<string, string>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "") continue;
    // A star stands before a file that was read as binary, which is all the same.
    const match = /^([\da-f]{64}) [ *](.+)$/.exec(line);
    if (match === null) {
      throw new KrunnerError(
        `Cannot read "${file}": line ${
          index + 1
        } is no SHA-256 and file name; copy the folder again, or move the file away`,
      );
    }
    sums.set(match[2]!, match[1]!);
  }
  return sums;
}

/**
 * Makes sure that a file of a collected folder is what the list says.
 *
 * @throws {KrunnerError} If it is missing, unreadable or has other content.
 */
export async function verifyFile(path: string, sha256: string): Promise<void> {
  const actual = await hashOf(path);
  if (actual === sha256) return;
  throw new KrunnerError(
    actual === undefined
      ? `Cannot find "${path}": ${CHECKSUM_FILE} lists it (SHA-256 ${sha256}); copy the folder again, or collect it again with "sources.ts"`
      : `Wrong content of "${path}": its SHA-256 is ${actual}, not ${sha256} as ${CHECKSUM_FILE} says; copy the folder again, or collect it again with "sources.ts"`,
  );
}
