/**
 * Puts new files of a collected folder into their places, with the index and the
 * checksums that go with them.
 *
 * @module
 */

import { commitFiles } from "../commit_files.ts";
import { sha256 } from "../inputs.ts";
import { makeFolder } from "../make_folder.ts";
import { hashOf } from "../part_file.ts";
import type { SourceRow } from "../sources.ts";
import { CHECKSUM_FILE, formatChecksums } from "./checksums.ts";
import type { CollectedFolder } from "./folder.ts";
import {
  type CollectedEntry,
  type CollectedIndex,
  entryKey,
  filesOf,
  formatIndex,
  INDEX_FILE,
} from "./index_file.ts";

/** New files are complete in this folder of the collected one before they get their places. */
export const STAGING = ".collecting";

/** What was collected for one distro version. */
export interface Collected {
  /** Its entry in the index. */
  readonly entry: CollectedEntry;
  /** The files that are in the staging folder, relative to it. */
  readonly files: readonly string[];
  /** The sources of the entry, in the staging folder or in their places. */
  readonly sources: readonly SourceRow[];
}

/**
 * Moves files from the staging folder into their places, together with the new
 * index and checksums. Files that no entry needs any more go; strangers stay.
 *
 * @param check Called at the last moment; what it throws stops the commit.
 * @returns The folder as it is now.
 * @throws {KrunnerError} If a file cannot be written; none is changed then.
 */
export async function commitFolder(
  { dir, index: oldIndex = {}, sums: oldSums }: CollectedFolder,
  { entry, files, sources }: Collected,
  check: () => void,
): Promise<CollectedFolder> {
  const index = { ...oldIndex, [entryKey(entry)]: entry };
  const text = formatIndex(index);
  const sums = new Map(oldSums);
  for (const row of sources) sums.set(row.file, row.sha256);
  for (const file of files) {
    sums.set(file, await hashOf(`${dir}/${STAGING}/${file}`) ?? "");
  }
  const stale = staleFiles(oldIndex, index);
  for (const file of stale) sums.delete(file);
  sums.set(INDEX_FILE, await sha256(text));
  check();
  for (const file of files) await makeParent(`${dir}/${file}`);
  // The checksums last: until they are there the index is not believed.
  await commitFiles([
    ...files.map((file) => ({
      path: `${dir}/${file}`,
      from: `${dir}/${STAGING}/${file}`,
    })),
    { path: `${dir}/${INDEX_FILE}`, content: text },
    { path: `${dir}/${CHECKSUM_FILE}`, content: formatChecksums(sums) },
  ]);
  for (const file of stale) await Deno.remove(`${dir}/${file}`).catch(() => {});
  return { dir, index, sums };
}

/** Files of the old index that nothing of the new one needs. */
function staleFiles(old: CollectedIndex, fresh: CollectedIndex): string[] {
  const needed = new Set(Object.values(fresh).flatMap(filesOf));
  return Object.values(old).flatMap(filesOf)
    .filter((file) => !needed.has(file));
}

/**
 * Makes the folder that a file will be in.
 *
 * @throws {KrunnerError} If it cannot be made.
 */
export async function makeParent(path: string): Promise<void> {
  const parent = path.slice(0, path.lastIndexOf("/"));
  await makeFolder(parent);
}
