/**
 * Whether an archive is what an agent expects, and the files beside it say the
 * same as it does.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { readVolumeVersion } from "../labels.ts";
import { type Manifest, parseManifest } from "../manifest.ts";
import { parseVersionsList } from "../versions_list.ts";
import { checkLayout, pythonVersions } from "./layout.ts";
import type { CheckReport, Finding } from "./finding.ts";
import {
  companionNames,
  type Identity,
  type Surroundings,
} from "./surroundings.ts";
import type { VolumeTree } from "./tree.ts";

/** Gathers what the contract check says. */
class Report {
  readonly findings: Finding[] = [];
  readonly skipped: string[] = [];

  add(what: string, where: string, why: string): void {
    this.findings.push({ check: "contract", what, where, why });
  }
}

/** A file beside the archive, and the names of the others. */
interface Companions extends Surroundings {
  readonly identity: Identity;
  readonly names: ReturnType<typeof companionNames>;
}

/** Checks an archive against the contract with the agent. */
export function checkContract(
  tree: VolumeTree,
  surroundings: Surroundings,
): CheckReport {
  const report = new Report();
  const { identity } = surroundings;
  if (tree.complete) {
    report.findings.push(...checkLayout(tree, identity?.arch));
  } else {
    report.skipped.push(
      "the archive is broken: layout and manifest were not compared",
    );
  }
  if (identity === undefined) {
    report.skipped.push(
      `the name is not krunner-env.{distro-version}.{arch}.tar.xz: arch and files beside it were not compared`,
    );
  } else {
    const names = companionNames(identity);
    checkCompanions(report, tree, { ...surroundings, identity, names });
  }
  return {
    check: "contract",
    findings: report.findings,
    ...report.skipped.length === 0
      ? {}
      : { skipped: report.skipped.join("; ") },
    facts: factsOf(tree, surroundings),
  };
}

function factsOf(
  tree: VolumeTree,
  { identity, texts }: Surroundings,
): Record<string, string> {
  const python = pythonVersions(tree);
  const version = identity && texts.get(companionNames(identity).version);
  return {
    ...version === undefined ? {} : { version: version.trim() },
    ...python.length === 0 ? {} : { Python: python.join(", ") },
  };
}

function checkCompanions(
  report: Report,
  tree: VolumeTree,
  companions: Companions,
): void {
  checkMissing(report, companions);
  checkVersions(report, companions);
  const manifest = readManifest(report, companions);
  if (manifest !== undefined) {
    checkManifestNames(report, manifest, companions);
    if (tree.complete) checkManifestTree(report, manifest, tree, companions);
  }
  agreeOnPython(report, tree, manifest, companions);
  agreeOnVersion(report, manifest, companions);
}

/** Why each of the files beside an archive matters. */
const PURPOSES = {
  python: "the agent reads it to know where to mount its own modules",
  version: "the agent reads it to name the volume",
  versions: "the agent reads it to know which distro versions there are",
  dockerfile: "its label is the volume version",
} as const;

/**
 * A manifest is no part of what agents expect: where other tools than `build.ts`
 * made the archive there is none.
 */
function checkMissing(report: Report, companions: Companions): void {
  const { names, texts, inPackage } = companions;
  if (inPackage && !texts.has(names.manifest)) {
    report.skipped.push(
      `there is no ${names.manifest}, as build.ts leaves one: nothing tells what the archive was made from, or whether it is the one that was made`,
    );
  }
  const missing = (Object.keys(PURPOSES) as (keyof typeof PURPOSES)[])
    .filter((key) => !texts.has(names[key]));
  if (!inPackage) {
    const keys = [
      ...texts.has(names.manifest) ? [] : ["manifest" as const],
      ...missing,
    ];
    if (keys.length === 0) return;
    const list = keys.map((key) => names[key]).join(", ");
    report.skipped.push(`not beside it, and not compared: ${list}`);
    return;
  }
  for (const key of missing) {
    report.add("it does not exist", names[key], PURPOSES[key]);
  }
}

/** What a file says of something that several files say. */
type Claim = readonly [file: string, value: string | number];

/** One finding, whichever of the files is wrong: nobody can tell that. */
function agree(
  report: Report,
  name: string,
  where: string,
  claims: readonly (Claim | undefined)[],
  why: string,
): void {
  const made = claims.filter((claim) => claim !== undefined);
  if (new Set(made.map(([, value]) => value)).size < 2) return;
  const list = made.map(([file, value]) => `${value} in ${file}`).join(", ");
  report.add(`${name} differ: ${list}`, where, why);
}

const WRONG_PYTHON =
  "the agent mounts its own modules below lib/python{that}: kernels would not find them";

function agreeOnPython(
  report: Report,
  tree: VolumeTree,
  manifest: Manifest | undefined,
  { names, texts }: Companions,
): void {
  const text = texts.get(names.python)?.trim();
  if (text !== undefined && !/^\d+\.\d+$/.test(text)) {
    report.add(
      `${JSON.stringify(text)} is no major.minor`,
      names.python,
      WRONG_PYTHON,
    );
    return;
  }
  const [found, ...others] = tree.complete ? pythonVersions(tree) : [];
  agree(report, "the versions of Python", names.python, [
    text === undefined ? undefined : [names.python, text],
    manifest === undefined ? undefined : [names.manifest, manifest.python],
    // Of several in the tree any may be the right one.
    found === undefined || others.length > 0
      ? undefined
      : ["the archive", found],
  ], WRONG_PYTHON);
}

/**
 * An integer as Python's `int()` reads it from a text, which is how the agent
 * reads a volume version; `undefined` where that fails.
 */
export function parsePythonInt(text: string): number | undefined {
  const digits = text.trim();
  if (!/^[+-]?\d+(_\d+)*$/.test(digits)) return undefined;
  return Number(digits.replaceAll("_", ""));
}

const WRONG_VERSION =
  "agents keep the volume that they have of a version: under the wrong one they never get this archive";

function agreeOnVersion(
  report: Report,
  manifest: Manifest | undefined,
  companions: Companions,
): void {
  const { names } = companions;
  const text = readVersion(report, companions);
  const label = readLabel(report, companions);
  agree(report, "the volume versions", names.version, [
    text === undefined ? undefined : [names.version, text],
    label === undefined ? undefined : [names.dockerfile, label],
    manifest === undefined
      ? undefined
      : [names.manifest, manifest.volumeVersion],
  ], WRONG_VERSION);
}

/** The volume version as the agent reads it, where that is sound. */
function readVersion(
  report: Report,
  { names, texts }: Companions,
): number | undefined {
  const text = texts.get(names.version);
  if (text === undefined) return undefined;
  const version = parsePythonInt(text);
  if (version !== undefined && version > 0) return version;
  report.add(
    `${JSON.stringify(text.trim())} is no positive integer`,
    names.version,
    version === undefined
      ? "the agent fails to read it and does not start with this package"
      : "the agent names the volume after it, and versions count from 1",
  );
  return undefined;
}

function readLabel(
  report: Report,
  { names, texts }: Companions,
): number | undefined {
  const text = texts.get(names.dockerfile);
  if (text === undefined) return undefined;
  try {
    return readVolumeVersion(text, names.dockerfile);
  } catch (error) {
    if (!(error instanceof KrunnerError)) throw error;
    report.add(error.message, names.dockerfile, WRONG_VERSION);
    return undefined;
  }
}

function checkVersions(
  report: Report,
  { names, texts, identity }: Companions,
): void {
  const text = texts.get(names.versions);
  if (text === undefined) return;
  if (parseVersionsList(text).includes(identity.distroVersion)) return;
  report.add(
    `it does not list ${identity.distroVersion}`,
    names.versions,
    "the agent looks for no other distro versions than those in it",
  );
}

function readManifest(
  report: Report,
  { names, texts }: Companions,
): Manifest | undefined {
  const text = texts.get(names.manifest);
  if (text === undefined) return undefined;
  try {
    return parseManifest(text, names.manifest);
  } catch (error) {
    if (!(error instanceof KrunnerError)) throw error;
    report.add(
      error.message,
      names.manifest,
      "without it nobody can tell what is in the archive, or whether it is whole",
    );
    return undefined;
  }
}

/** `key says, is`, for every key whose two values differ. */
function differences(
  rows: readonly (readonly [
    name: string,
    says: string | number | undefined,
    is: string | number,
  ])[],
): string[] {
  return rows.filter(([, says, is]) => says !== is)
    .map(([name, says, is]) => `${name} ${says}, not ${is}`);
}

function checkManifestNames(
  report: Report,
  manifest: Manifest,
  { names, identity, archiveName }: Companions,
): void {
  const wrong = differences([
    ["distro version", manifest.distroVersion, identity.distroVersion],
    ["arch", manifest.arch, identity.arch],
    ["file", manifest.archive.file, archiveName],
  ]);
  if (wrong.length === 0) return;
  report.add(
    `it says: ${wrong.join(", ")}`,
    names.manifest,
    "the manifest, the archive or its name are of another volume",
  );
}

function checkManifestTree(
  report: Report,
  { archive }: Manifest,
  tree: VolumeTree,
  { names }: Companions,
): void {
  const unpacked = tree.entries.reduce((sum, { size }) => sum + size, 0);
  const wrong = differences([
    ["SHA-256", archive.sha256, tree.packed.sha256],
    ["size", archive.size, tree.packed.size],
    ["entries", archive.entries, tree.entries.length],
    ["unpacked size", archive.unpackedSize, unpacked],
    ["tree digest", archive.treeSha256, tree.treeSha256],
  ]);
  const mtime = tree.entries[0]?.mtime;
  if (mtime !== undefined) {
    wrong.push(...differences([["time stamp", archive.mtime, mtime]]));
  }
  if (wrong.length === 0) return;
  report.add(
    `it says: ${wrong.join(", ")}`,
    names.manifest,
    "the archive is not the one that was built, or was changed since",
  );
}
