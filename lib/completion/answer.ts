/**
 * What `krunner __complete` prints.
 *
 * @module
 */

import { embeddedData } from "../embedded.ts";
import {
  compareNatural,
  findPackageDirs,
  openPackageDir,
  type PackageDir,
  projectRoot,
} from "../package_dir.ts";
import { asTyped } from "../typed.ts";
import { complete, type Names, type Tables } from "./complete.ts";

/** What the entry knows. */
export interface Surroundings extends Omit<Tables, "names"> {
  /** The folder of the script that was started. */
  readonly scriptDir: string;
  /** The working directory. */
  readonly cwd: string;
  /** The user's home folder. */
  readonly home: string | undefined;
}

/** The lines of the answer, see `shells.ts`. */
export async function answer(
  words: readonly string[],
  around: Surroundings,
): Promise<string[]> {
  const { candidates, paths } = await complete(joinAssignments(words), {
    ...around,
    names: (dir) => findNames(dir, around),
  });
  return [
    ...candidates.map(({ word, meaning }) => `${word}\t${asTyped(meaning)}`),
    ...paths === undefined ? [] : [`:${paths}`],
  ];
}

/** bash gives `--arch=x` as three words. */
export function joinAssignments(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [index, word] of words.entries()) {
    const last = joined.at(-1);
    const isValue = words[index - 1] === "=" && last?.endsWith("=");
    if (
      last?.startsWith("--") && (word === "=" && index > 0 || isValue)
    ) joined[joined.length - 1] = last + word;
    else joined.push(word);
  }
  return joined;
}

/** Names in reach; none where a folder cannot be read, for nobody waits for it. */
async function findNames(
  dir: string | undefined,
  { scriptDir, cwd, home }: Surroundings,
): Promise<Names> {
  try {
    return namesOf(
      dir === undefined
        ? await findPackageDirs(projectRoot(scriptDir, cwd))
        : [await openPackageDir(asShellWould(dir, home))],
    );
  } catch {
    return dir === undefined ? embeddedNames() : namesOf([]);
  }
}

/** bash gives words as they were typed. */
function asShellWould(word: string, home: string | undefined): string {
  const plain = word.replace(/\\(.)|["']/g, "$1");
  return home === undefined ? plain : plain.replace(/^~(?=\/|$)/, home);
}

function namesOf(packages: readonly PackageDir[]): Names {
  return {
    distroVersions: packages.flatMap((pkg) => pkg.distroVersions),
    families: packages.map(({ family }) => family),
  };
}

/** Those of a program that has not put its dockerfiles anywhere yet. */
function embeddedNames(): Names {
  const found = Object.keys(embeddedData()?.dockerfiles ?? {}).flatMap(
    (path) => {
      const [, family, distroVersion] =
        /^([^/]+)\/krunner-env\.(.+)\.dockerfile$/.exec(path) ?? [];
      return family === undefined || distroVersion === undefined
        ? []
        : [{ family, distroVersion }];
    },
  );
  return {
    distroVersions: found.map(({ distroVersion }) => distroVersion)
      .sort(compareNatural),
    families: [...new Set(found.map(({ family }) => family))],
  };
}
