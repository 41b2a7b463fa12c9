/**
 * Whether an archive can be extracted anywhere without harm, by any extractor,
 * and holds nothing that gives rights away.
 *
 * @module
 */

import type { CheckReport, Finding } from "./finding.ts";
import { followPath, type TreeEntry, type VolumeTree } from "./tree.ts";

/** Set-uid, set-gid and sticky. */
const SPECIAL_BITS = 0o7000;
const WORLD_WRITABLE = 0o002;

/** What one rule says of an entry: what is wrong and why it matters. */
type Verdict = readonly [what: string, why: string];

/** What the rules need to know of the entries before. */
interface Before {
  readonly byPath: ReadonlyMap<string, TreeEntry>;
  /** All paths that came before. */
  readonly paths: ReadonlySet<string>;
  /** The files that came before. */
  readonly files: ReadonlySet<string>;
}

type Rule = (entry: TreeEntry, before: Before) => Verdict | undefined;

/**
 * The rules for each entry. The first that speaks ends it: what is behind a
 * name that leads outside is not worth more words.
 */
const RULES: readonly Rule[] = [
  checkName,
  checkParents,
  checkType,
  checkTwice,
  checkSymbolicLink,
  checkHardLink,
];

/** The rules for the rights of each entry, all of which may speak. */
const RIGHTS: readonly Rule[] = [checkBits, checkWritable, checkOwner];

/** Whether a name is absolute or climbs. */
export function isUnsafeName(name: string): boolean {
  return name.startsWith("/") || name.split("/").includes("..");
}

function checkName({ name }: TreeEntry): Verdict | undefined {
  if (!isUnsafeName(name)) return undefined;
  return [
    `its name ${name.startsWith("/") ? "is absolute" : "climbs"}`,
    "an extractor may write outside the volume, over files of the host",
  ];
}

function checkParents(
  { path }: TreeEntry,
  { byPath }: Before,
): Verdict | undefined {
  const parts = path.split("/");
  for (let length = 1; length < parts.length; length++) {
    const parent = parts.slice(0, length).join("/");
    const type = byPath.get(parent)?.type;
    if (type === undefined || type === "directory") continue;
    return [
      `it is below ${JSON.stringify(`./${parent}`)}, which is a ${type}`,
      "extractors differ in where they write it, or fail",
    ];
  }
}

function checkType({ type }: TreeEntry): Verdict | undefined {
  switch (type) {
    case "file":
    case "directory":
    case "symbolic link":
    case "hard link":
      return undefined;
    case "unknown":
      return [
        "its type is unknown",
        "extractors differ in what they make of it",
      ];
    default:
      return [
        `it is a ${type}`,
        "a volume holds files, folders and links; a device is a way to the host",
      ];
  }
}

function checkTwice(
  { path }: TreeEntry,
  { paths }: Before,
): Verdict | undefined {
  if (!paths.has(path)) return undefined;
  return [
    "it comes twice",
    "extractors differ in which one they keep, and a check may look at the other",
  ];
}

function checkSymbolicLink(
  { type, path, link }: TreeEntry,
  { byPath }: Before,
): Verdict | undefined {
  if (type !== "symbolic link") return undefined;
  const end = followPath(byPath, path.split("/").slice(0, -1), link);
  if (!("fault" in end) || end.fault !== "outside") return undefined;
  return [
    `it links to ${JSON.stringify(link)}, which is outside the volume`,
    "it leads to a file of the host while extracting, of the user's image later",
  ];
}

function checkHardLink(
  { type, link }: TreeEntry,
  { files }: Before,
): Verdict | undefined {
  if (type !== "hard link" || (link.startsWith("./") && files.has(link))) {
    return undefined;
  }
  return [
    `it is a hard link to ${
      JSON.stringify(link)
    }, which is no file that came before`,
    "extractors make a link to a file of the host, or fail",
  ];
}

function checkBits({ mode }: TreeEntry): Verdict | undefined {
  const bits = [
    ...(mode & 0o4000) === 0 ? [] : ["set-uid"],
    ...(mode & 0o2000) === 0 ? [] : ["set-gid"],
    ...(mode & 0o1000) === 0 ? [] : ["sticky"],
  ];
  if ((mode & SPECIAL_BITS) === 0) return undefined;
  return [
    `it is ${bits.join(" and ")}`,
    "the volume is in every user's container: nothing in it may give rights",
  ];
}

function checkWritable({ type, mode }: TreeEntry): Verdict | undefined {
  // Linux has no modes of symbolic links.
  if (type === "symbolic link" || (mode & WORLD_WRITABLE) === 0) {
    return undefined;
  }
  return [
    "everyone may write to it",
    "where the volume is not mounted read-only, one user can change what another runs",
  ];
}

const OWN_NAMES: readonly string[] = ["", "root"];

function checkOwner(
  { uid, gid, userName, groupName }: TreeEntry,
): Verdict | undefined {
  const why =
    "another user on the host, and the same number in containers, owns what everyone runs";
  if (uid !== 0 || gid !== 0) {
    return [`its owner is ${uid}:${gid}, not 0:0`, why];
  }
  if (OWN_NAMES.includes(userName) && OWN_NAMES.includes(groupName)) {
    return undefined;
  }
  return [
    `its owner is ${
      JSON.stringify(`${userName}:${groupName}`)
    } by name, which extractors look up before they take 0:0`,
    why,
  ];
}

/** Checks the safety of an archive. */
export function checkSafety(tree: VolumeTree): CheckReport {
  const findings: Finding[] = [...tree.tarProblems];
  const paths = new Set<string>();
  const files = new Set<string>();
  const before = { byPath: tree.byPath, paths, files };
  for (const entry of tree.entries) {
    const verdicts = [
      firstOf(RULES, entry, before),
      ...RIGHTS.map((rule) => rule(entry, before)),
    ];
    for (const verdict of verdicts) {
      if (verdict === undefined) continue;
      const [what, why] = verdict;
      findings.push({ check: "safety", what, where: entry.name, why });
    }
    paths.add(entry.path);
    if (entry.type === "file") files.add(entry.name);
  }
  return {
    check: "safety",
    findings,
    facts: { entries: tree.entries.length },
  };
}

function firstOf(
  rules: readonly Rule[],
  entry: TreeEntry,
  before: Before,
): Verdict | undefined {
  for (const rule of rules) {
    const verdict = rule(entry, before);
    if (verdict !== undefined) return verdict;
  }
}
