/**
 * The archives of the last release, while builds put new ones in their places:
 * kept aside where they are at hand, so that the changelog can tell what changed.
 *
 * @module
 */

import { makeFolder } from "../make_folder.ts";
import {
  type OutputNames,
  outputNames,
  type PackageDir,
} from "../package_dir.ts";
import type { Released } from "../released.ts";
import { digestEntry } from "../wheel/entry.ts";

/** The files that a comparison reads. */
const COMPARED = ["archive", "manifest"] as const satisfies readonly (
  keyof OutputNames
)[];

/**
 * Keeps those archives of the last release that are still in the package
 * directory, with their manifests, in `folder`.
 *
 * @throws {CancelledError} If the signal is aborted.
 */
export async function keepPrevious(
  { dir }: PackageDir,
  released: Released | undefined,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  await makeFolder(folder);
  for (
    const [distroVersion, arches] of Object.entries(released?.volumes ?? {})
  ) {
    for (const [arch, { archive }] of Object.entries(arches)) {
      const names = outputNames(distroVersion, arch);
      const path = `${dir}/${names.archive}`;
      if (await digestOf(path, signal) !== archive.sha256) continue;
      for (const kind of COMPARED) {
        await keep(`${dir}/${names[kind]}`, `${folder}/${names[kind]}`);
      }
    }
  }
}

/** The path of a kept archive; `undefined` where it was not at hand. */
export async function previousArchive(
  folder: string,
  distroVersion: string,
  arch: string,
  sha256: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const path = `${folder}/${outputNames(distroVersion, arch).archive}`;
  return await digestOf(path, signal) === sha256 ? path : undefined;
}

/** SHA-256 of a file in lower-case hex; `undefined` where it cannot be read. */
export async function digestOf(
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isFile !== true) return undefined;
  const entry = { name: path, content: path, mode: 0o644 } as const;
  return (await digestEntry(entry, signal)).sha256;
}

/** A second name for the file, or a copy where the disks differ. */
async function keep(from: string, to: string): Promise<void> {
  await Deno.remove(to).catch(() => {});
  try {
    await Deno.link(from, to);
  } catch {
    await Deno.copyFile(from, to).catch(() => {});
  }
}
