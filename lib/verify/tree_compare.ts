/**
 * Whether two trees are the same: that of an archive, and that of a volume.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { treeRecord } from "../archive.ts";
import { compareNames, type VolumeEntry } from "../volume_entry.ts";
import { pathOf, type TreeEntry } from "./tree.ts";

/** One way in which a volume is not what its archive says. */
export interface Difference {
  /** The path below the volume's root; `""` for the root. */
  readonly path: string;
  /** What is different about it. */
  readonly what: string;
}

/**
 * An entry as the system has it: of several names of one file none is the first.
 */
interface Node {
  readonly type: TreeEntry["type"];
  readonly mode: number;
  readonly owner: string;
  readonly size: number;
  readonly sha256: string;
  readonly link: string;
  /** The first of the names of its file, in the order of paths. */
  readonly first: string;
}

/** Order of paths in an archive: depth first, the names of a folder by their bytes. */
export function comparePaths(a: string, b: string): number {
  const x = a.split("/");
  const y = b.split("/");
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const order = compareNames(x[i] ?? "", y[i] ?? "");
    if (order !== 0) return order;
  }
  return x.length - y.length;
}

/** What the entries make of a file system, by path. */
function nodesOf(entries: Iterable<TreeEntry>): Map<string, Node> {
  const byPath = new Map([...entries].map((entry) => [entry.path, entry]));
  /** The file that a hard link is a name of. */
  const fileOf = (entry: TreeEntry): TreeEntry | undefined => {
    let file: TreeEntry | undefined = entry;
    for (let links = 0; file?.type === "hard link"; links++) {
      // A circle leads nowhere.
      if (links > byPath.size) return undefined;
      file = byPath.get(pathOf(file.link));
    }
    return file;
  };
  const firsts = new Map<string, string>();
  for (const [path, entry] of byPath) {
    const file = fileOf(entry)?.path ?? path;
    const first = firsts.get(file);
    if (first === undefined || comparePaths(path, first) < 0) {
      firsts.set(file, path);
    }
  }
  return new Map(
    [...byPath].map(([path, entry]) => {
      const { type, size, sha256, link } = fileOf(entry) ?? entry;
      const isLink = type === "symbolic link";
      return [path, {
        type,
        size,
        sha256,
        // Linux has no modes of symbolic links.
        mode: isLink ? 0o777 : entry.mode,
        owner: `${entry.uid}:${entry.gid}`,
        link: isLink ? link : "",
        first: firsts.get(fileOf(entry)?.path ?? path) ?? path,
      }];
    }),
  );
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** What a volume has in place of what it should, `undefined` where nothing. */
function differenceOf(expected: Node, actual: Node): string | undefined {
  if (expected.type !== actual.type) {
    return `it is a ${actual.type}, not a ${expected.type}`;
  }
  if (expected.link !== actual.link) {
    return `it links to ${JSON.stringify(actual.link)}, not to ${
      JSON.stringify(expected.link)
    }`;
  }
  if (expected.size !== actual.size) {
    return `it has ${actual.size} bytes, not ${expected.size}`;
  }
  if (expected.sha256 !== actual.sha256) return "its content is another";
  if (expected.mode !== actual.mode) {
    return `its mode is ${octal(actual.mode)}, not ${octal(expected.mode)}`;
  }
  if (expected.owner !== actual.owner) {
    return `its owner is ${actual.owner}, not ${expected.owner}`;
  }
  if (expected.first !== actual.first) {
    return "it is not a name of the same file as before";
  }
}

/**
 * Compares a volume with the entries of its archive; of entries of one path the
 * last counts. The folders on the way to an entry may be without one of their
 * own.
 */
export function compareTrees(
  expected: Iterable<TreeEntry>,
  actual: Iterable<TreeEntry>,
): Difference[] {
  const wanted = nodesOf(expected);
  const found = nodesOf(actual);
  const implied = new Set<string>([""]);
  for (const path of wanted.keys()) {
    for (let i = path.indexOf("/"); i > 0; i = path.indexOf("/", i + 1)) {
      implied.add(path.slice(0, i));
    }
  }
  const differences: Difference[] = [];
  const extra = [...found.keys()].filter((path) =>
    !wanted.has(path) && !implied.has(path)
  );
  for (const [path, node] of wanted) {
    const other = found.get(path);
    const cut = extra.findLast((name) => name !== "" && path.startsWith(name));
    const what = other !== undefined
      ? differenceOf(node, other)
      : cut === undefined
      ? "it is missing"
      : `it comes out as ${JSON.stringify(cut)}`;
    if (what !== undefined) differences.push({ path, what });
    if (other === undefined && cut !== undefined) {
      extra.splice(extra.lastIndexOf(cut), 1);
    }
  }
  for (const path of extra) {
    differences.push({ path, what: "the archive has no such entry" });
  }
  return differences.sort((a, b) => comparePaths(a.path, b.path));
}

/** The digest of a volume's tree: the `treeSha256` of its archive's manifest. */
export function digestTree(entries: Iterable<TreeEntry>): string {
  const hash = createHash("sha256");
  const nodes = [...nodesOf(entries)]
    .sort(([a], [b]) => comparePaths(a, b));
  for (const [path, node] of nodes) {
    const record = recordOf(path, node);
    hash.update(treeRecord(record, record.type === "file" ? node.sha256 : ""));
  }
  return hash.digest("hex");
}

function recordOf(path: string, node: Node): VolumeEntry {
  const { type, mode, size, link, first } = node;
  const name = path === "" ? "./" : `./${path}`;
  if (type === "directory") {
    const folder = path === "" ? name : `${name}/`;
    return { name: folder, type, mode, size: 0, link: "" };
  }
  if (type === "symbolic link") return { name, type, mode, size: 0, link };
  // Devices and the like are in no manifest: as files they make another digest.
  return first === path
    ? { name, type: "file", mode, size, link: "" }
    : { name, type: "hard link", mode, size: 0, link: `./${first}` };
}
