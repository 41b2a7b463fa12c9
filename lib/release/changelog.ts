/**
 * The changelog's section of a release: what changed in each volume.
 *
 * @module
 */

import { formatSize } from "../progress.ts";
import type { Released, ReleasedVolume } from "../released.ts";
import type { PackageChange, VolumeDiff } from "../verify/diff.ts";

/** A volume of the release that is being made. */
export interface VolumeNews {
  readonly distroVersion: string;
  readonly arch: string;
  /** What it is. */
  readonly now: ReleasedVolume;
  /** What it was in the last release that had it. */
  readonly before: ReleasedVolume | undefined;
  /** Packages that changed since. */
  readonly packages: readonly PackageChange[];
  /** The comparison of both archives; `undefined` where the old one is not at hand. */
  readonly diff: VolumeDiff | undefined;
}

/** The section of a release, as Markdown, with a line break at the end. */
export function renderSection(
  { version, date }: Pick<Released, "version" | "date">,
  volumes: readonly VolumeNews[],
): string {
  return [`## ${version} (${date})\n`, ...volumes.map(renderVolume)].join("\n");
}

function renderVolume(news: VolumeNews): string {
  const { distroVersion, arch, now } = news;
  const title =
    `### ${distroVersion} (${arch}): volume version ${now.volumeVersion}`;
  return `${title}\n\n${renderChanges(news).join("\n")}\n`;
}

function renderChanges(news: VolumeNews): string[] {
  const { now, before, packages, diff } = news;
  if (before === undefined) {
    const size = formatSize(now.archive.size);
    return [
      `- New: Python ${now.python}, ${now.packages.length} packages, ${size}`,
    ];
  }
  if (before.archive.treeSha256 === now.archive.treeSha256) {
    return [`- Nothing changed since ${before.release}`];
  }
  return [
    `- Volume version ${before.volumeVersion} → ${now.volumeVersion}`,
    ...before.python === now.python
      ? []
      : [`- Python ${before.python} → ${now.python}`],
    ...packages.map(renderPackage),
    `- Packed: ${formatSize(before.archive.size)} → ${
      formatSize(now.archive.size)
    }`,
    diff === undefined
      ? `- Files: not compared, for the archive of ${before.release} was not at hand`
      : renderFiles(diff),
  ];
}

function renderPackage({ name, old, new: fresh }: PackageChange): string {
  const [before, after] = [old?.version ?? "?", fresh?.version ?? "?"];
  if (old === undefined) {
    return `- Added: ${name} ${after} (${fresh?.licence})`;
  }
  if (fresh === undefined) return `- Removed: ${name} ${before}`;
  const versions = before === after ? after : `${before} → ${after}`;
  return old.licence === fresh.licence
    ? `- ${name} ${versions}`
    : `- ${name} ${versions}, licence ${old.licence} → ${fresh.licence}`;
}

function renderFiles({ entries }: VolumeDiff): string {
  const added = entries.filter((it) => it.old === undefined).length;
  const removed = entries.filter((it) => it.new === undefined).length;
  const changed = entries.length - added - removed;
  return `- Files, folders and links: ${added} added, ${removed} removed, ${changed} changed`;
}

/** A changelog's heading for a version. */
function headingOf(version: string): RegExp {
  const text = version.replace(/[.+]/g, "\\$&");
  return new RegExp(`^## \\[?v?${text}(?![\\w.])`, "m");
}

const UNRELEASED = /^## \[?Unreleased\]?[ \t]*$/im;

/**
 * A changelog with a release's section in it, above the older ones. What stands
 * under "Unreleased" becomes a part of it.
 *
 * @param text The changelog; `undefined` where there is none yet.
 * @returns The same text where the version is in it already.
 */
export function addSection(
  text: string | undefined,
  project: string,
  version: string,
  section: string,
): string {
  if (text === undefined) return `# Changelog of ${project}\n\n${section}`;
  if (headingOf(version).test(text)) return text;
  const unreleased = UNRELEASED.exec(text);
  if (unreleased !== null) {
    const end = unreleased.index + unreleased[0].length;
    return `${text.slice(0, end)}\n\n${section.trimEnd()}\n${
      text.slice(end).replace(/^\n+/, "\n")
    }`;
  }
  const next = /^## /m.exec(text);
  return next === null
    ? `${text.trimEnd()}\n\n${section}`
    : `${text.slice(0, next.index)}${section}\n${text.slice(next.index)}`;
}
