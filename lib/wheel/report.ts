/**
 * What was made, for people.
 *
 * @module
 */

import { formatSize } from "../progress.ts";
import { renderTable } from "../table.ts";
import type { Distribution } from "./make.ts";

/** One line for what was written; with a dry run, all files that would go in. */
export function renderDistribution(
  { path, size, files }: Distribution,
  dryRun: boolean,
): string {
  if (!dryRun) return `${path}  ${formatSize(size ?? 0)}`;
  const total = size === null ? "" : `, ${formatSize(size)}`;
  const rows = files.map((
    { name, size, mode },
  ) => [`  ${mode}`, formatSize(size), name]);
  return `${path} would be written (${files.length} files${total}):\n${
    renderTable(rows)
  }`;
}
