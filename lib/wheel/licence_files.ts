/**
 * The licence files of a package: its project's, and those in its `licenses/`.
 *
 * @module
 */

import { isOutput, type PackageDir } from "../package_dir.ts";
import { wildcardToRegExp } from "../wildcard.ts";
import type { Project } from "./project.ts";

/** A licence file. */
export interface LicenceFile {
  /** Its path in the sdist, and below `.dist-info/licenses/`. */
  readonly name: string;
  /** Where it is on this host. */
  readonly path: string;
}

/** What setuptools takes where a project names no patterns. */
const USUAL = ["LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*"];

/** The folder of the package directory that goes into the volumes too. */
const LICENCES_FOLDER = "licenses/";

/**
 * Finds the licence files, each once, sorted by name.
 *
 * @param sources Names of the package directory's files.
 * @param folder Where these are in an sdist: `src/ai/backend/krunner/debian`.
 * @param onNotice Told about patterns that no file matches.
 */
export async function findLicenceFiles(
  { dir }: PackageDir,
  { root, declared }: Project,
  sources: readonly string[],
  folder: string,
  onNotice: (line: string) => void,
): Promise<LicenceFile[]> {
  const usual = USUAL.map((pattern) => wildcardToRegExp(pattern)!);
  const own = sources.filter((name) =>
    name.startsWith(LICENCES_FOLDER) ||
    usual.some((regExp) => regExp.test(name))
  ).map((name) => ({ name: `${folder}/${name}`, path: `${dir}/${name}` }));
  const found: LicenceFile[] = [];
  for (const pattern of declared.licenceFiles ?? USUAL) {
    const names = await expand(root, pattern);
    if (names.length === 0 && declared.licenceFiles !== undefined) {
      onNotice(`No file matches the licence files "${pattern}" of "${root}"`);
    }
    found.push(...names.map((name) => ({ name, path: `${root}/${name}` })));
  }
  // A project's patterns may cover the package directory's files as well.
  const byPath = new Map<string, LicenceFile>();
  for (const file of [...own, ...found]) {
    const real = await Deno.realPath(file.path);
    if (!byPath.has(real)) byPath.set(real, file);
  }
  return [...byPath.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The files below a folder that a pattern with `*`, `?`, `[…]` and `**` matches. */
async function expand(root: string, pattern: string): Promise<string[]> {
  const parts = pattern.split("/").filter((part) =>
    part !== "" && part !== "."
  );
  // Licence files are the project's own.
  if (parts.includes("..")) return [];
  return [...new Set(await Array.fromAsync(match(root, "", parts)))];
}

async function* match(
  root: string,
  prefix: string,
  [part, ...rest]: readonly string[],
): AsyncGenerator<string> {
  if (part === undefined) return;
  const anyDepth = part === "**";
  if (anyDepth) yield* match(root, prefix, rest);
  const regExp = anyDepth ? /^/ : wildcardToRegExp(part);
  for await (const { name } of Deno.readDir(`${root}/${prefix}`)) {
    if (isOutput(name) || !regExp?.test(name)) continue;
    const path = `${prefix}${name}`;
    const info = await Deno.stat(`${root}/${path}`).catch(() => undefined);
    if (info?.isFile && rest.length === 0 && !anyDepth) yield path;
    else if (info?.isDirectory && (anyDepth || rest.length > 0)) {
      yield* match(root, `${path}/`, anyDepth ? [part, ...rest] : rest);
    }
  }
}
