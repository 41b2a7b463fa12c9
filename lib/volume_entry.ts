/**
 * The rules that the entries of a volume's archive keep to, whatever engine
 * they come from: names below one root, in one order, with owners, links and
 * modes that are safe to extract anywhere.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import type { TarHeader } from "./tar_header.ts";

/** An entry of a volume, in its one canonical form. */
export interface VolumeEntry {
  /** The name in the archive: `./` for the root, `./bin/` for a directory, `./bin/python3`. */
  name: string;
  /** What the entry is. */
  type: "file" | "directory" | "symbolic link" | "hard link";
  /** Permission bits, without set-uid, set-gid and sticky. */
  mode: number;
  /** Length of the content in bytes; 0 for what is no file. */
  size: number;
  /**
   * A symbolic link's target, relative; the name of the file that a hard link
   * is another name of; `""` for the others.
   */
  link: string;
}

/** A directory whose entries are being listed. */
interface OpenDirectory {
  name: string;
  /** The last entry seen in it. */
  last: string | undefined;
}

const SET_ID = 0o6000;
const PERMISSIONS = 0o777;
const encoder = new TextEncoder();

function refuse(path: string, state: string, advice: string): KrunnerError {
  return new KrunnerError(
    `Cannot pack ${JSON.stringify(path)}: ${state}; ${advice}`,
  );
}

/** Order of two names by their UTF-8 bytes: that of Go's `sort` and of `LC_ALL=C`. */
export function compareNames(a: string, b: string): number {
  const x = encoder.encode(a);
  const y = encoder.encode(b);
  const length = Math.min(x.length, y.length);
  for (let i = 0; i < length; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return x.length - y.length;
}

/** The components of a name below `root`; `undefined` if it is not plainly there. */
function componentsBelow(name: string, root: string): string[] | undefined {
  const components = name.replace(/\/$/, "").split("/");
  const plain = components.every((part) =>
    part !== "" && part !== "." && part !== ".." && !part.includes("\0")
  );
  return plain && components[0] === root ? components.slice(1) : undefined;
}

/** Components of an absolute path, without those that change nothing. */
function componentsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** The name in the archive of what has these components below the root. */
function archiveName(components: readonly string[], directory = false): string {
  if (components.length === 0) return "./";
  return `./${components.join("/")}${directory ? "/" : ""}`;
}

/** The way from one directory to another path, both as components below one root. */
function relativeTarget(
  from: readonly string[],
  to: readonly string[],
): string {
  let common = 0;
  while (
    common < from.length && common < to.length && from[common] === to[common]
  ) common++;
  const up = from.slice(common).map(() => "..");
  return [...up, ...to.slice(common)].join("/") || ".";
}

/**
 * The target of a symbolic link, made relative where it is absolute but inside
 * the volume.
 *
 * A `..` is allowed at the target's beginning only: there it starts from a real
 * directory, so counting suffices. Behind a name it might start from wherever
 * another link leads, and two harmless links could together lead outside.
 *
 * @param components The link's own path below the root
 * @param mountPoint Where the root is in a container, such as `/opt/backend.ai`
 * @throws {KrunnerError} If the target is outside, or may be.
 */
export function safeTarget(
  components: readonly string[],
  target: string,
  mountPoint: string,
): string {
  const name = archiveName(components);
  const outside = refuse(
    name,
    `it links to ${JSON.stringify(target)}, which is outside the volume`,
    "make the link relative and let it stay inside",
  );
  const behindName = refuse(
    name,
    `it links to ${JSON.stringify(target)}, which has ".." behind a name`,
    "write the link's target without it",
  );
  const directory = components.slice(0, -1);
  const steps = componentsOf(target);
  if (target === "" || target.includes("\0")) throw outside;
  if (target.startsWith("/")) {
    const mount = componentsOf(mountPoint);
    const inside = steps.slice(mount.length);
    const under = mount.every((part, i) => steps[i] === part);
    if (!under || inside[0] === "..") throw outside;
    if (inside.includes("..")) throw behindName;
    return relativeTarget(directory, inside);
  }
  const climbs = steps.findIndex((step) => step !== "..");
  const up = climbs < 0 ? steps.length : climbs;
  if (up > directory.length) throw outside;
  if (steps.slice(up).includes("..")) throw behindName;
  return target;
}

/**
 * Checks the entries of one volume, one after the other, and brings them into
 * canonical form.
 *
 * The order is depth first, names of a directory by their bytes: the order in
 * which docker and podman walk a tree. Input in another order is refused, not
 * sorted. Sorting would need the whole tree at hand, and passing it on would
 * make the same tree give other bytes with another engine.
 */
export class VolumeRules {
  readonly #root: string;
  readonly #mountPoint: string;
  readonly #files = new Set<string>();
  /** From the root down to where the last entry was; empty before the first. */
  #open: OpenDirectory[] = [];

  /**
   * @param mountPoint Where the tree is in a container, such as
   * `/opt/backend.ai`; names begin with its last component
   */
  constructor(mountPoint: string) {
    this.#mountPoint = mountPoint;
    this.#root = componentsOf(mountPoint).at(-1) ?? "";
  }

  /** @throws {KrunnerError} If there was no entry at all. */
  finish(): void {
    if (this.#open.length > 0) return;
    throw refuse(this.#mountPoint, "it is empty", "see what the image holds");
  }

  /**
   * The canonical form of the next entry.
   *
   * @throws {KrunnerError} If the entry has no place in a volume. The message
   * names it.
   */
  accept(header: TarHeader): VolumeEntry {
    const components = componentsBelow(header.name, this.#root);
    if (components === undefined) {
      throw refuse(
        header.name,
        `its name is not plainly below ${JSON.stringify(this.#root)}`,
        "this is not how an engine's cp names entries",
      );
    }
    const name = archiveName(components, header.type === "directory");
    this.#checkSafety(header, name);
    this.#checkPlace(components, name, header.type);
    const entry: VolumeEntry = {
      name,
      type: this.#typeOf(header, name),
      // Linux has no modes of symbolic links; archivers write what they like.
      mode: header.type === "symbolic link"
        ? PERMISSIONS
        : header.mode & PERMISSIONS,
      size: header.size,
      link: this.#linkOf(header, components),
    };
    if (entry.type === "file") this.#files.add(name);
    return entry;
  }

  #typeOf(header: TarHeader, name: string): VolumeEntry["type"] {
    switch (header.type) {
      case "file":
      case "directory":
      case "symbolic link":
      case "hard link":
        return header.type;
      default: {
        const what = header.type === "unknown"
          ? `of the unknown type ${JSON.stringify(header.flag)}`
          : `a ${header.type}`;
        throw refuse(
          name,
          `it is ${what}`,
          "a volume holds files, directories and links; remove it",
        );
      }
    }
  }

  /** A directory's set-gid and sticky bits are dropped: the volume is mounted read-only. */
  #checkSafety(header: TarHeader, name: string): void {
    const file = header.type === "file" || header.type === "hard link";
    if (file && (header.mode & SET_ID) !== 0) {
      throw refuse(
        name,
        "it is set-uid or set-gid",
        'take that away with "chmod ug-s"',
      );
    }
    // Capabilities are set-uid by another name. Other attributes are dropped.
    if (header.pax.has("SCHILY.xattr.security.capability")) {
      throw refuse(
        name,
        "it has file capabilities",
        'take them away with "setcap -r"',
      );
    }
  }

  /** Below a directory that is being listed, and behind its last entry. */
  #checkPlace(
    components: readonly string[],
    name: string,
    type: TarHeader["type"],
  ): void {
    const base = components.at(-1);
    if (base === undefined) return this.#openRoot(name, type);
    const parents = components.slice(0, -1);
    const known = parents.every((part, i) => this.#open[i + 1]?.name === part);
    const parent = this.#open[parents.length];
    if (!known || parent === undefined) {
      throw refuse(name, "its directory does not come before it", ORDER);
    }
    if (parent.last !== undefined) {
      const order = compareNames(base, parent.last);
      if (order === 0) throw refuse(name, "it comes twice", ORDER);
      if (order < 0) {
        const last = JSON.stringify(archiveName([...parents, parent.last]));
        throw refuse(name, `it comes after ${last}`, ORDER);
      }
    }
    parent.last = base;
    this.#open.length = components.length;
    if (type === "directory") this.#open.push({ name: base, last: undefined });
  }

  #openRoot(name: string, type: TarHeader["type"]): void {
    if (this.#open.length > 0) throw refuse(name, "it comes twice", ORDER);
    if (type !== "directory") {
      throw refuse(this.#mountPoint, `it is a ${type}`, "make it a directory");
    }
    this.#open.push({ name: "", last: undefined });
  }

  #linkOf(header: TarHeader, components: readonly string[]): string {
    if (header.type === "symbolic link") {
      return safeTarget(components, header.linkName, this.#mountPoint);
    }
    if (header.type !== "hard link") return "";
    const target = componentsBelow(header.linkName, this.#root);
    const name = target === undefined ? "" : archiveName(target);
    if (this.#files.has(name)) return name;
    throw refuse(
      archiveName(components),
      `it is a hard link to ${
        JSON.stringify(header.linkName)
      }, which is no file that came before it`,
      "make it a file or a symbolic link",
    );
  }
}

/** What to do about wrong order: nothing that the user did can be its cause. */
const ORDER =
  "entries must come once, directories first, in the byte order of their names: use docker or podman";
