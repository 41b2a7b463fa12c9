/**
 * Whether every program and library in a volume finds what it needs: inside the
 * volume, by itself, with the C library and the processors that there may be.
 *
 * @module
 */

import type { ElfFile } from "../elf.ts";
import type { CheckReport, Finding } from "./finding.ts";
import type { Libc } from "./libc.ts";
import { type Destination, followPath, type VolumeTree } from "./tree.ts";

type Add = (what: string, path: string, why: string) => void;

/**
 * Libraries that come from the container: parts of the C library, which fit to
 * each other and to the loader only, and the loader itself.
 */
const FROM_CONTAINER: Readonly<Record<Libc["kind"], RegExp>> = {
  glibc:
    /^(lib(c|m|dl|pthread|rt|util|resolv)\.so\.\d+|ld(64|-linux.*)\.so\.\d+)$/,
  musl: /^(libc\.so|libc\.musl-\w+\.so\.\d+|ld-musl-\w+\.so\.\d+)$/,
};

const LOADERS: Readonly<Record<Libc["kind"], RegExp>> = {
  glibc: /\/ld(64|-linux[^/]*)\.so\.\d+$/,
  musl: /^\/lib\/ld-musl-\w+\.so\.1$/,
};

/** The x86-64 level that every machine that runs Backend.AI has. */
const HIGHEST_LEVEL = 2;

/**
 * Checks the ELF files of an archive.
 *
 * @param given The C library that it will meet; where that is not known, which
 * symbol versions there may be is not checked
 */
export function checkLinkage(
  tree: VolumeTree,
  given: Libc | undefined,
): CheckReport {
  if (!tree.complete) {
    return {
      check: "linkage",
      findings: [],
      skipped:
        "the archive is broken: a library may only be missing from the part that was read",
    };
  }
  const findings: Finding[] = [];
  const add: Add = (what, path, why) =>
    findings.push({ check: "linkage", what, where: `./${path}`, why });
  const libc = given ?? guessLibc(tree);
  for (const [path, broken] of tree.brokenElf) {
    add(`it is a broken ELF file: ${broken}`, path, "nothing can load it");
  }
  for (const [path, file] of tree.elf) {
    // Objects are for linkers, and core files for nobody.
    if (file.type === "relocatable" || file.type === "core") continue;
    checkLoader(path, file, libc, add);
    checkRunPath(tree, path, file, add);
    checkNeeded(tree, path, file, libc, add);
    checkVersions(path, file, libc, add);
    checkLevel(path, file, add);
  }
  checkShadows(tree, add);
  checkFlags(tree, add);
  const isKnown = libc.kind === "musl" || libc.version !== undefined;
  return {
    check: "linkage",
    findings,
    ...isKnown ? {} : {
      skipped: given === undefined
        ? "the distro version is not known: symbol versions were not compared"
        : "the glibc of the distro version is not known: symbol versions were not compared",
    },
    facts: factsOf(tree),
  };
}

/**
 * The highest version of glibc whose symbols a volume needs, `major.minor`:
 * `undefined` where it needs none.
 */
export function glibcLevel({ elf }: VolumeTree): string | undefined {
  return [...elf.values()].flatMap(glibcVersions).sort(compareVersions).at(-1);
}

function factsOf(tree: VolumeTree): Record<string, string | number> {
  const highest = glibcLevel(tree);
  return {
    "ELF files": tree.elf.size,
    ...highest === undefined ? {} : { "highest glibc": highest },
  };
}

/** By the loader of the volume's programs. */
function guessLibc({ elf }: VolumeTree): Libc {
  const isMusl = [...elf.values()].some(({ interpreter, needed }) =>
    LOADERS.musl.test(interpreter ?? "") ||
    needed.some((name) => name.startsWith("libc.musl-"))
  );
  return isMusl
    ? { kind: "musl" }
    : { kind: "glibc", version: undefined, owner: "" };
}

function checkLoader(
  path: string,
  { interpreter }: ElfFile,
  { kind }: Libc,
  add: Add,
): void {
  if (interpreter === undefined || LOADERS[kind].test(interpreter)) return;
  add(
    `its loader is ${JSON.stringify(interpreter)}, which is not ${kind}'s`,
    path,
    "the program does not start where that loader is not",
  );
}

/** The run path that the loader goes by: the old one counts only without the new one. */
function runPathOf({ rpath, runpath }: ElfFile): string[] {
  return runpath.length > 0 ? runpath : rpath;
}

const ORIGIN = /^\$(?:ORIGIN|\{ORIGIN\})(?=\/|$)/;

/** Where a folder of a run path leads to. */
function resolveFolder(
  { byPath }: VolumeTree,
  path: string,
  folder: string,
): Destination {
  if (!ORIGIN.test(folder)) return { fault: "outside" };
  const own = path.split("/").slice(0, -1);
  return followPath(byPath, own, folder.replace(ORIGIN, "."));
}

/** Why a folder of a run path is not to be in it. */
function checkRunPath(
  tree: VolumeTree,
  path: string,
  { rpath, runpath }: ElfFile,
  add: Add,
): void {
  for (const folder of [...rpath, ...runpath]) {
    const end = resolveFolder(tree, path, folder);
    if (!("fault" in end) || end.fault !== "outside") continue;
    const name = JSON.stringify(folder);
    add(
      folder.startsWith("/")
        ? `its run path has the absolute folder ${name}`
        : ORIGIN.test(folder)
        ? `its run path has ${name}, which is outside the volume`
        : `its run path has ${name}, which does not begin with $ORIGIN`,
      path,
      "libraries of the user's image, or of whatever folder the user is in, would be loaded",
    );
  }
}

function checkNeeded(
  tree: VolumeTree,
  path: string,
  file: ElfFile,
  { kind }: Libc,
  add: Add,
): void {
  const inside = runPathOf(file).flatMap((folder) => {
    const end = resolveFolder(tree, path, folder);
    return "path" in end ? [end.path] : [];
  });
  for (const library of file.needed) {
    if (FROM_CONTAINER[kind].test(library)) continue;
    const found = inside.map((folder) => findLibrary(tree, folder, library))
      .find((elf) => elf !== undefined);
    if (found?.machine === file.machine) continue;
    add(
      found === undefined
        ? `it needs ${
          JSON.stringify(library)
        } and does not find it in the volume`
        : `it needs ${
          JSON.stringify(library)
        } and finds one for ${found.machine}`,
      path,
      "it works only in images that happen to have that library, in that version",
    );
  }
}

function findLibrary(
  { byPath, elf }: VolumeTree,
  folder: string,
  library: string,
): ElfFile | undefined {
  const end = followPath(byPath, folder.split("/"), library);
  if (!("path" in end)) return undefined;
  const entry = byPath.get(end.path);
  const path = entry?.type === "hard link"
    ? entry.link.replace(/^\.\//, "")
    : end.path;
  return elf.get(path);
}

/** By their numbers: 2.4 is below 2.36. */
export function compareVersions(a: string, b: string): number {
  const x = a.split(".").map(Number);
  const y = b.split(".").map(Number);
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const order = (x[i] ?? 0) - (y[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

/** glibc 2.36 came with this name for compact relative relocations. */
const NAMED_VERSIONS: Readonly<Record<string, string>> = {
  GLIBC_ABI_DT_RELR: "2.36",
};

/** The versions of glibc whose symbols a file needs, as numbers. */
function glibcVersions({ versionNeeds }: ElfFile): string[] {
  return [...versionNeeds.values()].flat().flatMap((name) =>
    /^GLIBC_(\d[\d.]*)$/.exec(name)?.[1] ?? NAMED_VERSIONS[name] ?? []
  );
}

function checkVersions(
  path: string,
  file: ElfFile,
  libc: Libc,
  add: Add,
): void {
  const names = [...file.versionNeeds.values()].flat();
  if (names.includes("GLIBC_PRIVATE")) {
    add(
      "it needs private symbols of glibc",
      path,
      "they fit to one build of glibc only, and user images have others",
    );
  }
  const highest = glibcVersions(file).sort(compareVersions).at(-1);
  if (highest === undefined) return;
  if (libc.kind === "musl") {
    add(
      `it needs glibc ${highest}`,
      path,
      "images of this family have musl: it does not load",
    );
  } else if (
    libc.version !== undefined && compareVersions(highest, libc.version) > 0
  ) {
    add(
      `it needs glibc ${highest}, and ${libc.owner} has ${libc.version}`,
      path,
      "it does not load where the C library is older",
    );
  }
}

const SLOWER = "it ends with an illegal instruction on older machines";

function checkLevel(path: string, { x86Level }: ElfFile, add: Add): void {
  if (x86Level === undefined || x86Level <= HIGHEST_LEVEL) return;
  add(
    `it needs a processor of level x86-64-v${x86Level}, above v${HIGHEST_LEVEL}`,
    path,
    SLOWER,
  );
}

/** Agents set `LD_LIBRARY_PATH` to `lib/`, for the user's programs too. */
function checkShadows({ entries }: VolumeTree, add: Add): void {
  for (const { path, type } of entries) {
    if (type === "directory") continue;
    const [, name] = /^lib\/([^/]+\.so(?:\.[^/]*)?)$/.exec(path) ?? [];
    if (name === undefined) continue;
    add(
      "it is a shared library directly in lib/",
      path,
      name.startsWith("libpython")
        ? "LD_LIBRARY_PATH leads there in every container: the user's own Python would load it"
        : "LD_LIBRARY_PATH leads there in every container: the user's programs would load it for their own",
    );
  }
}

/** Processors that everything compiled may be for. */
const BASELINES = ["x86-64", "x86-64-v2", "armv8-a", "generic"];

/** What Python's own build was compiled with, and extensions would be. */
function checkFlags({ texts }: VolumeTree, add: Add): void {
  for (const [path, text] of texts) {
    if (!/\/_sysconfigdata_[^/]*\.py$/.test(path)) continue;
    const flags = new Set(
      [...text.matchAll(/-m(?:arch|cpu)=([^\s'"]+)/g)]
        .filter(([, value]) => !BASELINES.includes(value ?? ""))
        .map(([flag]) => flag),
    );
    for (const flag of flags) {
      add(`Python was compiled with ${JSON.stringify(flag)}`, path, SLOWER);
    }
  }
}
