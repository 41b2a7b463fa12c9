/**
 * How large a file may be for a package index.
 *
 * @module
 */

import { KrunnerError, UsageError } from "../errors.ts";
import { formatSize } from "../progress.ts";
import { renderTable } from "../table.ts";
import type { DigestedEntry } from "./entry.ts";

/** What the public index takes by default, in bytes. */
export const DEFAULT_MAX_SIZE = 100_000_000;

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
};

/**
 * The bytes that `--max-size` means: `250MB`, `0.5 GB`, `100MiB` or a number.
 *
 * @throws {UsageError} If it is none of these.
 */
export function parseSize(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/
    .exec(text) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  const bytes = Math.floor(Number(number) * (factor ?? NaN));
  if (number !== "" && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(
    `Cannot use "--max-size=${text}": give a size such as 100MB, 0.5GB or 100MiB`,
  );
}

/**
 * Makes sure that an index takes a file.
 *
 * @param size Its bytes.
 * @throws {KrunnerError} If it is too large: with what each distro version takes.
 */
export function requireSize(
  file: string,
  size: number,
  maxSize: number,
  entries: readonly DigestedEntry[],
): void {
  if (size <= maxSize) return;
  const sizes = new Map<string, number>();
  for (const { distroVersion = "all else", size } of entries) {
    sizes.set(distroVersion, (sizes.get(distroVersion) ?? 0) + size);
  }
  const rows = [...sizes].sort(([, a], [, b]) => b - a)
    .map(([name, size]) => [`  ${name}`, formatSize(size)]);
  throw new KrunnerError(
    `Cannot make "${file}": it has ${formatSize(size)}, and the limit is ${
      formatSize(maxSize)
    }; take distro versions out of versions.txt and into a package of their own, put less into the volumes, or, where your index takes more, give "--max-size ${
      Math.ceil(size / 1e6)
    }MB"\n${renderTable(rows)}`,
  );
}
