/**
 * A collected folder as it is on disk: its index and its checksums.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { readOptional } from "../read_optional.ts";
import {
  CHECKSUM_FILE,
  type Checksums,
  parseChecksums,
  verifyFile,
} from "./checksums.ts";
import { type CollectedIndex, INDEX_FILE, parseIndex } from "./index_file.ts";

/** What is known of a folder. */
export interface CollectedFolder {
  /** Its path. */
  readonly dir: string;
  /** What it holds; `undefined` where nothing was collected there. */
  readonly index: CollectedIndex | undefined;
  /** Its checksums, others than those of the index's files included. */
  readonly sums: Checksums;
}

/**
 * Reads a folder. One with no index is a plain folder of files; a missing folder
 * is an empty one.
 *
 * @throws {KrunnerError} If one of the two files cannot be read.
 */
export async function readFolder(path: string): Promise<CollectedFolder> {
  // People's shells complete folders with a slash.
  const dir = path.replace(/(?<=.)\/+$/, "");
  const index = await readOptional(`${dir}/${INDEX_FILE}`);
  const sums = await readOptional(`${dir}/${CHECKSUM_FILE}`);
  return {
    dir,
    index: index === undefined
      ? undefined
      : parseIndex(index, `${dir}/${INDEX_FILE}`),
    sums: parseChecksums(sums ?? "", `${dir}/${CHECKSUM_FILE}`),
  };
}

/**
 * As {@linkcode readFolder}, for a build: it must not use an index that changed
 * on its way, nor go on without the folder that it was told to use.
 *
 * @throws {KrunnerError} If it is no folder, or the index is not the one that the
 * checksums were made with, too.
 */
export async function openFolder(path: string): Promise<CollectedFolder> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isDirectory !== true) {
    throw new KrunnerError(
      `Cannot take sources from "${path}": it is no folder; name the one that "sources.ts" made, or one with the sources in it, with "--sources" or KRUNNER_SOURCES`,
    );
  }
  const folder = await readFolder(path);
  const { dir, index } = folder;
  if (index !== undefined) {
    await verifyFile(`${dir}/${INDEX_FILE}`, checksumOf(folder, INDEX_FILE));
  }
  return folder;
}

/**
 * The checksum of a file in the folder.
 *
 * @throws {KrunnerError} If the list lacks it.
 */
export function checksumOf(
  { dir, sums }: CollectedFolder,
  file: string,
): string {
  const sha256 = sums.get(file);
  if (sha256 !== undefined) return sha256;
  throw new KrunnerError(
    `Cannot use "${dir}": its ${CHECKSUM_FILE} does not list "${file}"; copy the folder again, or collect it again with "sources.ts"`,
  );
}
