/**
 * What changed between two volumes, as text for people.
 *
 * @module
 */

import { formatSize } from "../progress.ts";
import { renderTable } from "../table.ts";
import type {
  DiffSide,
  EntryChange,
  EntryFacts,
  PackageChange,
  PackageFacts,
  VolumeDiff,
} from "./diff.ts";
import { printable } from "./report.ts";

/** How changes of one kind are marked. */
function markOf(change: { old?: unknown; new?: unknown }): string {
  return change.old === undefined ? "+" : change.new === undefined ? "-" : "~";
}

/** A value, or how it changed. */
function arrow(
  before: string | undefined,
  after: string | undefined,
): string {
  if (before === after || before === undefined) return after ?? "-";
  return after === undefined ? before : `${before} → ${after}`;
}

function sideRow(name: string, side: DiffSide): string[] {
  return [
    name,
    printable(side.archive),
    String(side.volumeVersion ?? "-"),
    side.python ?? "-",
    formatSize(side.size),
    formatSize(side.unpackedSize),
    String(side.entries),
  ];
}

function renderSides(diff: VolumeDiff): string {
  return renderTable([
    ["", "ARCHIVE", "VERSION", "PYTHON", "PACKED", "UNPACKED", "ENTRIES"],
    sideRow("old", diff.old),
    sideRow("new", diff.new),
  ]);
}

function licenceOf(before?: PackageFacts, after?: PackageFacts): string {
  return arrow(before?.licence, after?.licence);
}

function renderPackages(changes: readonly PackageChange[]): string[] {
  if (changes.length === 0) return [];
  const table = renderTable(changes.map((change) => [
    markOf(change),
    printable(change.name),
    printable(arrow(change.old?.version, change.new?.version)),
    printable(licenceOf(change.old, change.new)),
  ]));
  return [`Packages:\n${table}`];
}

function growth({ old, new: fresh }: EntryChange): number {
  return (fresh?.size ?? 0) - (old?.size ?? 0);
}

/** Bytes more or less, with their sign. */
function formatGrowth(bytes: number): string {
  const sign = bytes < 0 ? "-" : "+";
  return bytes === 0 ? "0 B" : `${sign}${formatSize(Math.abs(bytes))}`;
}

/**
 * The folder that a change is told under: a package in `site-packages`, else
 * the first two levels.
 */
export function folderOf(path: string): string {
  const parts = path.split("/").slice(0, -1);
  const packages = parts.indexOf("site-packages");
  const depth = packages < 0 ? 2 : packages + 2;
  return `./${parts.slice(0, depth).map((part) => `${part}/`).join("")}`;
}

function countRow(name: string, changes: readonly EntryChange[]): string[] {
  const count = (mark: string) =>
    String(changes.filter((change) => markOf(change) === mark).length);
  const bytes = changes.reduce((sum, change) => sum + growth(change), 0);
  return [name, count("+"), count("-"), count("~"), formatGrowth(bytes)];
}

function renderFolders(changes: readonly EntryChange[]): string[] {
  if (changes.length === 0) return [];
  const folders = Map.groupBy(changes, ({ path }) => folderOf(path));
  const table = renderTable([
    ["FOLDER", "ADDED", "REMOVED", "CHANGED", "SIZE"],
    ...[...folders].map(([folder, list]) => countRow(printable(folder), list)),
    countRow("all", changes),
  ]);
  return [`Files, folders and links:\n${table}`];
}

function describe({ type, mode, size, link }: EntryFacts): string {
  switch (type) {
    case "file":
      return `${mode.toString(8)}, ${size} B`;
    case "symbolic link":
    case "hard link":
      return `${type} to ${link}`;
    default:
      return `${type}, ${mode.toString(8)}`;
  }
}

function describeChange({ old, new: fresh }: EntryChange): string {
  const before = old === undefined ? undefined : describe(old);
  const after = fresh === undefined ? undefined : describe(fresh);
  // Both are files, and only what is in them differs.
  if (before !== undefined && before === after) return `${after}, content`;
  return arrow(before, after);
}

function renderEntries(changes: readonly EntryChange[]): string[] {
  if (changes.length === 0) return [];
  const table = renderTable(changes.map((change) => [
    markOf(change),
    printable(`./${change.path}`),
    printable(describeChange(change)),
  ]));
  return [`Files, folders and links:\n${table}`];
}

function renderSameness(diff: VolumeDiff): string[] {
  if (diff.entries.length > 0) return [];
  if (diff.packing.length === 0) return ["No difference."];
  const reasons = diff.packing.map((reason) => `  ${printable(reason)}`);
  return [
    `No difference in what is extracted. The archives' bytes differ:\n${
      reasons.join("\n")
    }`,
  ];
}

/** A difference for people: packages first, then files. */
export function renderDiff(
  diff: VolumeDiff,
  options: {
    /** Whether to list each file, and not folders only. */
    files: boolean;
  },
): string {
  return [
    renderSides(diff),
    ...renderPackages(diff.packages),
    ...options.files
      ? renderEntries(diff.entries)
      : renderFolders(diff.entries),
    ...renderSameness(diff),
  ].join("\n\n");
}
