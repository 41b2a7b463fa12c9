/**
 * A volume as its archive has it: everything that the checks look at, without
 * the archive.
 *
 * @module
 */

import type { ElfFile } from "../elf.ts";
import { VOLUME_ROOT } from "../engine.ts";
import type { TarEntryType } from "../tar_header.ts";
import type { Finding } from "./finding.ts";

/** One entry of the archive, as the archive says it. */
export interface TreeEntry {
  /** The name as it stands in the archive: `./bin/`, `./bin/python3`. */
  name: string;
  /**
   * The name below the volume's root without `./` in front and `/` at the end:
   * `bin/python3`; `""` for the root.
   */
  path: string;
  /** What it is; devices and fifos, which have no place in a volume, included. */
  type: TarEntryType;
  /** Permission bits with set-uid, set-gid and sticky. */
  mode: number;
  /** The owner's number. */
  uid: number;
  /** The group's number. */
  gid: number;
  /** The owner's name, `""` where there is none. It goes before the number. */
  userName: string;
  /** The group's name, likewise. */
  groupName: string;
  /** Length of the content in bytes; 0 for what is no file. */
  size: number;
  /** Last change in seconds since the epoch. */
  mtime: number;
  /** Where a link points to, as it stands in the archive; `""` for what is no link. */
  link: string;
  /** SHA-256 of the content in hexadecimal; `""` for what is no file. */
  sha256: string;
}

/** An archive that was read. */
export interface VolumeTree {
  /**
   * Whether it was read to its end. Where not, `tarProblems` says why, what
   * seems to be missing may only have come later, and the digest is of a part.
   */
  complete: boolean;
  /** All entries, in the archive's order, duplicates included. */
  entries: TreeEntry[];
  /** The last entry of each {@linkcode TreeEntry.path}, for that is what is extracted. */
  byPath: Map<string, TreeEntry>;
  /** What is known of each ELF file, by path. */
  elf: Map<string, ElfFile>;
  /** Files that begin like ELF files and are broken: what is wrong, by path. */
  brokenElf: Map<string, string>;
  /** Contents of the small files that checks read, by path. */
  texts: Map<string, string>;
  /** The archive itself, in bytes and as it lies on disk. */
  packed: { sha256: string; size: number };
  /** SHA-256 over the `treeRecord`s of all entries, as in the manifest. */
  treeSha256: string;
  /** What is wrong with the archive as tar or xz, and how BusyBox misreads it. */
  tarProblems: Finding[];
}

/** The path of a {@linkcode TreeEntry} for its name in the archive. */
export function pathOf(name: string): string {
  return name.replace(/^(\.\/+)+/, "").replace(/\/+$/, "").replace(/^\.$/, "");
}

/** Where a path leads to: an entry's path, or why to none. */
export type Destination =
  | { path: string }
  | { fault: "outside" | "circle" | "nothing" };

/**
 * Follows a path through the volume's symbolic links, one component after the
 * other, as the system does where the agent mounts the volume: what is absolute
 * and below `/opt/backend.ai` stays inside.
 *
 * @param from The folder that it starts from, as components below the root
 */
export function followPath(
  byPath: ReadonlyMap<string, TreeEntry>,
  from: readonly string[],
  target: string,
): Destination {
  let done = [...from];
  const rest: string[] = [];
  /** Goes on with a target; `false` if that is outside. */
  const enter = (target: string): boolean => {
    const path = fromMountPoint(target);
    if (path === undefined) return false;
    if (target.startsWith("/")) done = [];
    rest.push(...path.split("/").reverse());
    return true;
  };
  if (!enter(target)) return { fault: "outside" };
  let missing = false;
  for (let links = 0; rest.length > 0;) {
    const part = rest.pop();
    if (part === undefined || part === "" || part === ".") continue;
    if (part === "..") {
      if (done.pop() === undefined) return { fault: "outside" };
      continue;
    }
    const entry = byPath.get([...done, part].join("/"));
    if (entry?.type !== "symbolic link") {
      missing ||= entry === undefined;
      done.push(part);
      continue;
    }
    if (++links > MAX_LINKS) return { fault: "circle" };
    if (!enter(entry.link)) return { fault: "outside" };
  }
  return missing ? { fault: "nothing" } : { path: done.join("/") };
}

/** A target without the mount point in front; `undefined` if it is elsewhere. */
function fromMountPoint(target: string): string | undefined {
  if (!target.startsWith("/")) return target;
  const plain = target.replace(/\/(\.?\/)+/g, "/");
  if (plain === VOLUME_ROOT) return "";
  return plain.startsWith(`${VOLUME_ROOT}/`)
    ? plain.slice(VOLUME_ROOT.length + 1)
    : undefined;
}

/** The entry that a path leads to in the end, `undefined` where to none. */
export function findEntry(
  byPath: ReadonlyMap<string, TreeEntry>,
  path: string,
): TreeEntry | undefined {
  const found = followPath(byPath, [], path);
  return "path" in found ? byPath.get(found.path) : undefined;
}

/** As Linux has it. */
const MAX_LINKS = 40;
