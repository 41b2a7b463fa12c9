/**
 * What is known of the agent's volumes, as data, as a table and as JSON.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import type { Target } from "./package_dir.ts";
import type { Scratch } from "./scratch.ts";
import { renderTable } from "./table.ts";
import { listVolume } from "./verify/extractor.ts";
import { contentDigest, isComplete, type LoadResult } from "./volume_load.ts";
import { type AgentVolume, findVolumes, volumeUsers } from "./volumes.ts";

/** One of the agent's volumes. */
export interface VolumeState extends AgentVolume {
  /** Containers that have it, running or not. */
  readonly users: readonly string[];
  /** What is in it; absent where there is no BusyBox to look with. */
  readonly content?: VolumeContent;
}

/** What is in a volume. */
export interface VolumeContent {
  /** Sum of the files' sizes in bytes. */
  readonly size: number;
  /** Number of files, folders and links. */
  readonly entries: number;
  /** Whether its extractor came to its end. */
  readonly complete: boolean;
  /**
   * Whether it holds what the archive of this volume version here holds; `none`
   * where there is no such archive here.
   */
  readonly archive: "same" | "other" | "none";
}

/**
 * Looks at all of the agent's volumes.
 *
 * @param targets The distro versions that may have archives here
 * @param image The extractor's image; without one, contents are not looked at
 * @throws {KrunnerError} If the engine fails.
 */
export async function inspectVolumes(
  scratch: Scratch,
  targets: readonly Target[],
  image: string | undefined,
): Promise<VolumeState[]> {
  const volumes = await findVolumes(scratch.engine);
  return await Promise.all(volumes.map(async (volume) => ({
    ...volume,
    users: await volumeUsers(scratch.engine, volume.name),
    ...image === undefined
      ? {}
      : { content: await inspectContent(scratch, targets, image, volume) },
  })));
}

async function inspectContent(
  scratch: Scratch,
  targets: readonly Target[],
  image: string,
  { name, version, arch, distroVersion }: AgentVolume,
): Promise<VolumeContent> {
  const entries = await listVolume(scratch, { image, volume: name });
  const target = targets.find((it) => it.distroVersion === distroVersion);
  const manifest = target && await readSoundManifest(target, arch);
  return {
    size: entries.reduce((sum, { size }) => sum + size, 0),
    entries: entries.length,
    complete: await isComplete(entries, version),
    archive: manifest?.volumeVersion !== version
      ? "none"
      : manifest.archive.treeSha256 === contentDigest(entries)
      ? "same"
      : "other",
  };
}

/** A manifest that cannot be read says nothing about a volume. */
async function readSoundManifest(
  target: Target,
  arch: string,
): Promise<Manifest | undefined> {
  return await readManifest(target, arch).catch((error) => {
    if (error instanceof KrunnerError) return undefined;
    throw error;
  });
}

const ARCHIVE_WORDS = {
  same: "same as the archive",
  other: "OTHER THAN THE ARCHIVE",
  none: "nothing here to compare with",
} as const;

function describeContent(content: VolumeContent | undefined): string {
  if (content === undefined) return "unknown";
  return content.complete ? ARCHIVE_WORDS[content.archive] : "INCOMPLETE";
}

/** A table of volumes; `""` where there are none. */
export function renderVolumes(volumes: readonly VolumeState[]): string {
  if (volumes.length === 0) return "";
  return renderTable([
    ["DISTRO VERSION", "VERSION", "ARCH", "SIZE", "USED BY", "CONTENT", "NAME"],
    ...volumes.map(({ distroVersion, version, arch, users, content, name }) => [
      distroVersion,
      String(version),
      arch,
      content === undefined ? "-" : renderSize(content.size),
      users.join(", ") || "-",
      describeContent(content),
      name,
    ]),
  ]);
}

/** Bytes in millions, as disks are sold: `56.6 MB`. */
export function renderSize(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** One line that tells what became of a volume, or with a dry run would. */
export function renderLoad(
  { name, action, size, entries }: LoadResult,
  dryRun: boolean,
): string {
  const done = {
    loaded: dryRun ? "would be loaded" : "loaded",
    replaced: dryRun ? "would be replaced" : "replaced",
    unchanged: "is there already, with the same content",
  }[action];
  return `${name}: ${done} (${entries} entries, ${renderSize(size)})`;
}
