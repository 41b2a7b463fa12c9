/**
 * What is wrong with a wheel on the disk: whether it holds what an agent will look
 * for and nothing that it will not, and tells the truth of itself.
 *
 * @module
 */

import { outputNames } from "../package_dir.ts";
import { ttydName } from "../wheel/file_set.ts";
import { VERSIONS_FILE } from "../wheel/listed.ts";
import {
  distInfo,
  entryPointsText,
  moduleFolder,
  type PackageNames,
  platformTags,
  wheelName,
} from "../wheel/names.ts";
import type { PackedFile, PackedWheel } from "../wheel/read.ts";
import { parseRecord, recordHash } from "../wheel/record.ts";

/** What a wheel must be. */
export interface WheelPromise {
  /** The package's names. */
  readonly names: PackageNames;
  /** The arch whose volumes it carries. */
  readonly arch: string;
  /** The distro versions of `versions.txt`. */
  readonly listed: readonly string[];
}

/** All that is wrong with a wheel; nothing where it is as promised. */
export function wheelProblems(
  wheel: PackedWheel,
  promise: WheelPromise,
): string[] {
  return [
    ...nameProblems(wheel, promise),
    ...tagProblems(wheel, promise),
    ...fileSetProblems(wheel, promise),
    ...metadataProblems(wheel, promise),
    ...recordProblems(wheel, promise),
  ];
}

function nameProblems(
  { file }: PackedWheel,
  { names, arch }: WheelPromise,
): string[] {
  const right = wheelName(names, arch);
  return file === right ? [] : [`it is called ${file}, not ${right}`];
}

/** The values of a field in a text with a `Name: value` on each line. */
function fieldsOf(text: string, name: string): string[] {
  return text.split(/\r?\n\r?\n/, 1)[0]!.split(/\r?\n/)
    .filter((line) => line.startsWith(`${name}: `))
    .map((line) => line.slice(name.length + 2));
}

function tagProblems(
  { texts }: PackedWheel,
  { arch }: WheelPromise,
): string[] {
  const said = fieldsOf(texts["WHEEL"] ?? "", "Tag").sort();
  const right = platformTags(arch).map((tag) => `py3-none-${tag}`).sort();
  return said.join() === right.join() ? [] : [
    `its WHEEL has ${
      said.length === 0 ? "no tags" : `the tags ${said.join(", ")}`
    }, not ${right.join(", ")}`,
  ];
}

function fileSetProblems(
  { files }: PackedWheel,
  { names, arch, listed }: WheelPromise,
): string[] {
  const folder = `${moduleFolder(names.module)}/`;
  const found = files.map(({ name }) => name);
  const promised = listed.flatMap((distroVersion) => {
    const { archive, manifest, python, version } = outputNames(
      distroVersion,
      arch,
    );
    return [archive, manifest, python, version];
  });
  const wanted = ["__init__.py", "plugin.py", VERSIONS_FILE, ...promised]
    .map((name) => `${folder}${name}`);
  const own = ["METADATA", "WHEEL", "RECORD", "entry_points.txt"]
    .map((name) => `${distInfo(names)}/${name}`);
  const lacks = [...wanted, ...own].filter((name) => !found.includes(name));
  const strange = found.filter((name) =>
    !wanted.includes(name) && !isExtra(name, folder, names, arch)
  );
  const twice = found.filter((name, index) => found.indexOf(name) < index);
  return [
    ...lacks.length === 0
      ? []
      : [`it lacks ${lacks.join(", ")} (${promiseOf(listed)})`],
    ...strange.length === 0 ? [] : [
      `it holds ${strange.join(", ")}, which nobody looks for (${
        promiseOf(listed)
      })`,
    ],
    ...twice.map((name) => `it holds ${name} twice`),
  ];
}

function promiseOf(listed: readonly string[]): string {
  return `${VERSIONS_FILE} promises ${listed.join(", ")}`;
}

/** What may be there beside what must. */
function isExtra(
  name: string,
  folder: string,
  names: PackageNames,
  arch: string,
): boolean {
  if (name.startsWith(`${distInfo(names)}/`)) return true;
  if (!name.startsWith(folder)) return false;
  const rest = name.slice(folder.length);
  return rest === ttydName(arch) || /^[^/]+\.py$/.test(rest);
}

function metadataProblems(
  { texts }: PackedWheel,
  { names }: WheelPromise,
): string[] {
  const metadata = texts["METADATA"] ?? "";
  const [name] = fieldsOf(metadata, "Name");
  const [version] = fieldsOf(metadata, "Version");
  return [
    ...name === names.project && version === names.version ? [] : [
      `its METADATA is of ${name} ${version}, not of ${names.project} ${names.version}`,
    ],
    ...texts["entry_points.txt"] === entryPointsText(names.module)
      ? []
      : ["its entry_points.txt is not what agents look for"],
  ];
}

function recordProblems(
  { files, texts }: PackedWheel,
  { names }: WheelPromise,
): string[] {
  const record = `${distInfo(names)}/RECORD`;
  const rows = new Map(
    parseRecord(texts["RECORD"] ?? "").map((row) => [row.name, row]),
  );
  const packed = files.filter(({ name }) => name !== record);
  const isRight = (file: PackedFile) => {
    const row = rows.get(file.name);
    return row?.hash === recordHash(file.sha256) &&
      row.size === String(file.size);
  };
  const there = new Set(files.map(({ name }) => name));
  return [
    ...packed.filter(({ name }) => !rows.has(name))
      .map(({ name }) => `its RECORD lacks ${name}`),
    ...packed.filter((file) => rows.has(file.name) && !isRight(file))
      .map(({ name }) => `its RECORD has another hash or size of ${name}`),
    ...[...rows.keys()].filter((name) => !there.has(name))
      .map((name) => `its RECORD has ${name}, which is not there`),
  ];
}
