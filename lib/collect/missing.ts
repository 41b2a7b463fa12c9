/**
 * What a collected folder lacks of what a plan needs.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import type { BuildPlan } from "../plan.ts";
import { hashOf } from "../part_file.ts";
import type { SourceRow } from "../sources.ts";
import { misfits } from "./fit.ts";
import type { CollectedFolder } from "./folder.ts";
import { entryKey, filesOf } from "./index_file.ts";

/**
 * Why a folder lacks something that the plan needs, in words; empty where all of
 * it is there and right.
 */
export async function missing(
  plan: BuildPlan,
  folder: CollectedFolder,
): Promise<string[]> {
  const entry = folder.index?.[keyOf(plan)];
  if (entry === undefined) return ["it was not collected there yet"];
  const reasons = misfits(plan, entry);
  for (const { file } of plan.sources) {
    if (!entry.sources.includes(file)) reasons.push(`source ${file} (new)`);
  }
  for (const file of filesOf(entry)) {
    if (!await isRight(folder, file)) {
      reasons.push(`${file} is missing or was changed`);
    }
  }
  return reasons;
}

/** The key of a plan's entry in an index. */
export function keyOf({ target: { distroVersion }, arch }: BuildPlan): string {
  return entryKey({ distroVersion, arch });
}

/** Whether a file of the folder is what its checksums say. */
export async function isRight(
  { dir, sums }: CollectedFolder,
  file: string,
): Promise<boolean> {
  const expected = sums.get(file);
  return expected !== undefined && await hashOf(`${dir}/${file}`) === expected;
}

/**
 * The rows whose files are not there, or are there and were damaged since.
 *
 * @throws {KrunnerError} If another file has a row's name.
 */
export async function absentSources(
  plan: BuildPlan,
  { dir, index = {} }: CollectedFolder,
): Promise<SourceRow[]> {
  const own = new Set(Object.values(index).flatMap(filesOf));
  const absent: SourceRow[] = [];
  for (const row of plan.sources) {
    const path = `${dir}/${row.file}`;
    const actual = await hashOf(path);
    if (actual === row.sha256) continue;
    if (actual !== undefined && !own.has(row.file)) {
      throw new KrunnerError(
        `Cannot write "${path}": a file that was not collected is there (SHA-256 ${actual}, not ${row.sha256}); move it away`,
      );
    }
    absent.push(row);
  }
  return absent;
}
