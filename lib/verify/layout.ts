/**
 * The tree inside the archive: how its entries are written, and what must be
 * where.
 *
 * @module
 */

import type { Finding } from "./finding.ts";
import { isUnsafeName } from "./safety.ts";
import {
  findEntry,
  followPath,
  type TreeEntry,
  type VolumeTree,
} from "./tree.ts";
import { comparePaths } from "./tree_compare.ts";

type Add = (what: string, where: string, why: string) => void;

/**
 * Checks the entries of an archive that was read to its end.
 *
 * @param arch What its programs must be for; not checked where it is not known
 */
export function checkLayout(
  tree: VolumeTree,
  arch: string | undefined,
): Finding[] {
  const findings: Finding[] = [];
  const add: Add = (what, where, why) =>
    findings.push({ check: "contract", what, where, why });
  checkNames(tree, add);
  checkOrder(tree, add);
  checkTimes(tree, add);
  checkLinks(tree, add);
  checkPrograms(tree, add);
  checkMountFolders(tree, add);
  checkLicenses(tree, add);
  if (arch !== undefined) checkArch(tree, arch, add);
  return findings;
}

/** The versions, `major.minor`, of the Pythons in a volume; one where all is well. */
export function pythonVersions({ byPath }: VolumeTree): string[] {
  return [...byPath.values()].flatMap(({ path, type }) => {
    const version = /^lib\/python(\d+\.\d+)$/.exec(path)?.[1];
    return version !== undefined && type === "directory" ? [version] : [];
  });
}

const CANONICAL =
  "the same tree must give the same bytes, or no build can be compared with another";

/** The one way to write an entry's name. */
function canonicalName({ path, type }: TreeEntry): string {
  if (path === "") return "./";
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return `./${parts.join("/")}${type === "directory" ? "/" : ""}`;
}

function checkNames({ entries }: VolumeTree, add: Add): void {
  for (const entry of entries) {
    // That is a matter of safety.
    if (isUnsafeName(entry.name)) continue;
    const name = canonicalName(entry);
    if (name === entry.name) continue;
    add(
      `its name is not written ${JSON.stringify(name)}`,
      entry.name,
      CANONICAL,
    );
  }
}

/** Tells of the first only: one entry in the wrong place may put all others there. */
function checkOrder({ entries }: VolumeTree, add: Add): void {
  const safe = entries.filter(({ name }) => !isUnsafeName(name));
  for (const [index, entry] of safe.entries()) {
    const last = safe[index - 1];
    if (last === undefined || last.path === "") continue;
    if (comparePaths(last.path, entry.path) <= 0) continue;
    add(
      `it comes after ${JSON.stringify(last.name)}: entries are not sorted`,
      entry.name,
      CANONICAL,
    );
    return;
  }
}

function checkTimes({ entries }: VolumeTree, add: Add): void {
  const [first] = entries;
  const other = entries.find(({ mtime }) => mtime !== first?.mtime);
  if (first === undefined || other === undefined) return;
  add(
    `its time is ${other.mtime}, and that of ${
      JSON.stringify(first.name)
    } is ${first.mtime}`,
    other.name,
    CANONICAL,
  );
}

function checkLinks({ entries, byPath }: VolumeTree, add: Add): void {
  for (const { type, name, path, link } of entries) {
    if (type !== "symbolic link" || isUnsafeName(name)) continue;
    const end = followPath(byPath, path.split("/").slice(0, -1), link);
    if (!("fault" in end) || end.fault === "outside") continue;
    add(
      end.fault === "circle"
        ? `it links to ${JSON.stringify(link)}, and so on in a circle`
        : `it links to ${JSON.stringify(link)}, which does not exist`,
      name,
      "whoever uses it gets an error",
    );
  }
}

/** Programs that an agent or a kernel starts by these names. */
const PYTHONS = ["bin/python", "bin/python3"];

/** The terminal's program in a volume that has one. */
export const TERMINAL = "bin/ttyd";

function checkPrograms({ byPath }: VolumeTree, add: Add): void {
  // Several names of one program are one finding.
  const bad = new Set<TreeEntry>();
  for (const path of PYTHONS) {
    const entry = findEntry(byPath, path);
    if (entry !== undefined) {
      if (!isProgram(entry)) bad.add(entry);
    } else if (!byPath.has(path)) {
      // What links to nothing is told of already.
      add("it does not exist", `./${path}`, "the kernel runner starts with it");
    }
  }
  for (const entry of bad) {
    add(
      entry.type === "directory"
        ? `it is a directory, and ${PYTHONS.join(" or ")} leads to it`
        : `its mode is ${entry.mode.toString(8)}: not everyone may run it`,
      entry.name,
      "the kernel runner starts with it, as a user that is not root",
    );
  }
  const terminal = byPath.get(TERMINAL);
  if (terminal === undefined) return;
  if (terminal.type !== "file" || terminal.mode !== 0o755) {
    add(
      terminal.type === "file"
        ? `its mode is ${terminal.mode.toString(8)}, not 755`
        : `it is a ${terminal.type}, not a file`,
      terminal.name,
      "the terminal starts from it, as a user that is not root",
    );
  }
}

function isProgram({ type, mode }: TreeEntry): boolean {
  return (type === "file" || type === "hard link") && (mode & 0o555) === 0o555;
}

/** What the agent mounts its own modules on, below site-packages. */
const MOUNT_FOLDERS = ["ai/backend/kernel", "ai/backend/helpers"];

function checkMountFolders(tree: VolumeTree, add: Add): void {
  const { byPath, entries } = tree;
  const versions = pythonVersions(tree);
  if (versions.length === 0) {
    add(
      "it does not exist",
      "./lib/python{major.minor}/",
      "Python's library, and the folders that the agent mounts on, are there",
    );
  }
  for (const version of versions) {
    for (const folder of MOUNT_FOLDERS) {
      const path = `lib/python${version}/site-packages/${folder}`;
      const content = entries.find((it) => it.path.startsWith(`${path}/`));
      if (byPath.get(path)?.type !== "directory") {
        add(
          "it does not exist",
          `./${path}/`,
          "the agent mounts its modules there, and on a read-only volume nothing can make the folder",
        );
      } else if (content !== undefined) {
        add(
          "it is in a folder that the agent mounts on",
          content.name,
          "it is hidden in every container, and only there",
        );
      }
    }
  }
}

function checkLicenses({ entries }: VolumeTree, add: Add): void {
  const found = entries.some(({ path, type, size }) =>
    path.startsWith("licenses/") && type === "file" && size > 0
  );
  if (found) return;
  add(
    "there is no licence in it",
    "./licenses/",
    "what is shipped may be shipped with its licences only",
  );
}

function checkArch({ elf }: VolumeTree, arch: string, add: Add): void {
  for (const [path, { machine, bits }] of elf) {
    if (machine === arch && bits === 64) continue;
    add(
      `it is for ${machine}${
        machine === arch ? ` with ${bits}-bit addresses` : ""
      }, not for ${arch}`,
      `./${path}`,
      `it does not run on ${arch}`,
    );
  }
}
