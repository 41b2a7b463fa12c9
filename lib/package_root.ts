/**
 * Where package directories are, when nobody names one: around the working
 * directory, else beside the script.
 *
 * @module
 */

import { embeddedData } from "./embedded.ts";

/** Where upstream's repositories keep their package directories. */
const UPSTREAM_FOLDER = "src/ai/backend/krunner";

/** Where this project keeps its own. */
export const OWN_FOLDER = "dockerfiles";

const ENV_DOCKERFILE = /^krunner-env\.(.+)\.dockerfile$/;

/**
 * The distro version that a file's name is the env dockerfile of; `undefined`
 * for other files.
 */
export function distroVersionOf(fileName: string): string | undefined {
  return ENV_DOCKERFILE.exec(fileName)?.[1];
}

/** Whether `dir` is a folder with a `krunner-env.{distro-version}.dockerfile`. */
export function isPackageDir(dir: string): boolean {
  return namesIn(dir).some((name) => distroVersionOf(name) !== undefined);
}

/** Names of what is in a folder; none where it is no folder that one may read. */
function namesIn(dir: string): string[] {
  try {
    return [...Deno.readDirSync(dir)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** The package directories of the checkout whose top folder is `dir`. */
export function packageDirsOfCheckout(dir: string): string[] {
  return packageDirsIn(`${dir === "/" ? "" : dir}/${UPSTREAM_FOLDER}`);
}

/** The package directories directly in a folder. */
export function packageDirsIn(folder: string): string[] {
  // People's shells complete folders with a slash.
  const dir = folder.replace(/\/+$/, "");
  return namesIn(folder).sort().map((name) => `${dir}/${name}`)
    .filter(isPackageDir);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where the package directories are: a package directory itself, or a folder of
 * them. It is the first of
 *
 * - the package directory that `cwd` is, or is in;
 * - `src/ai/backend/krunner` of the checkout around `cwd`, as upstream's
 *   repositories have it;
 * - `dockerfiles` beside the script; in the working directory, if the program
 *   carries its dockerfiles.
 *
 * Nothing is looked for above the top of the Git work tree that `cwd` is in, nor
 * above the script's own folder.
 *
 * @param scriptDir The script's folder. A compiled program has none on disk: then
 * `dockerfiles` in the working directory takes its place
 * @param cwd The working directory, absolute
 * @returns A path that is relative where it is below `cwd`, for that is how people
 * read paths
 */
export function projectRoot(scriptDir: string, cwd: string): string {
  const root = rootAround(cwd, scriptDir) ??
    `${isCheckout(scriptDir) ? scriptDir : cwd}/${OWN_FOLDER}`;
  if (root === cwd) return ".";
  const below = cwd === "/" ? "/" : `${cwd}/`;
  return root.startsWith(below) ? root.slice(below.length) : root;
}

/** A bundle and a compiled program carry the dockerfiles: none lie beside them. */
function isCheckout(scriptDir: string): boolean {
  return embeddedData() === undefined && exists(scriptDir);
}

function rootAround(cwd: string, scriptDir: string): string | undefined {
  for (const dir of withParents(cwd)) {
    if (isPackageDir(dir)) return dir;
    const [first] = packageDirsOfCheckout(dir);
    if (first !== undefined) return first.slice(0, first.lastIndexOf("/"));
    if (dir === scriptDir || exists(`${dir}/.git`)) break;
  }
  return undefined;
}

/** A folder and all that it is in, from the inside out. */
function withParents(dir: string): string[] {
  const parts = dir.split("/").filter((part) => part !== "");
  return [dir, ...parts.map((_, i) => `/${parts.slice(0, -1 - i).join("/")}`)];
}
