/**
 * Where a program that carries its dockerfiles looks for package directories:
 * `dockerfiles/` of the working directory, which it makes when something is to be
 * written there, and a copy that goes with the process when not. And where it has
 * its recipes.
 *
 * @module
 */

import { type EmbeddedData, embeddedData } from "./embedded.ts";
import { typedName } from "./typed.ts";
import { unpackDockerfiles, type Unpacked, writeTree } from "./unpack.ts";

/**
 * The folder of package directories, there for sure.
 *
 * @param root `dockerfiles/` of the working directory.
 * @param readOnly Whether nothing will be written there: then it is not made, nor
 * updated.
 * @throws {KrunnerError} If something cannot be read or written.
 */
export async function provideDockerfiles(
  data: EmbeddedData,
  root: string,
  readOnly: boolean,
): Promise<string> {
  if (!readOnly) {
    const said = describeUnpacked(
      await unpackDockerfiles(data, root),
      data.version,
      root,
    );
    if (said !== "") console.error(said);
    return root;
  }
  return await Deno.stat(root).then(() => root, () => copyForNow(data, root));
}

/** One copy a process. */
let copy: string | undefined;

async function copyForNow(data: EmbeddedData, root: string): Promise<string> {
  if (copy !== undefined) return copy;
  copy = await temporaryTree(data.dockerfiles, "krunner-dockerfiles-");
  console.error(
    `There is no "${root}" here: taking krunner's own, which "${
      typedName("build")
    }" puts there`,
  );
  return copy;
}

/**
 * The folder with the recipes of the terminal: beside the script in `scriptDir`, else
 * a copy of those that the program carries, which goes with the process.
 *
 * @throws {KrunnerError} If the copy cannot be written.
 */
export async function provideRecipes(scriptDir: string): Promise<string> {
  const data = embeddedData();
  return data === undefined
    ? `${scriptDir}/ttyd`
    : await temporaryTree(data.ttyd, "krunner-ttyd-");
}

/** Writes files into a new folder, which is removed at the process's end. */
async function temporaryTree(
  files: EmbeddedData["ttyd"],
  prefix: string,
): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix });
  addEventListener(
    "unload",
    () => Deno.removeSync(folder, { recursive: true }),
  );
  await writeTree(files, folder);
  return folder;
}

/** What a user is told of it; `""` where nothing changed. */
export function describeUnpacked(
  unpacked: Unpacked,
  version: string,
  root: string,
): string {
  switch (unpacked.status) {
    case "as-is":
      return "";
    case "unpacked":
      return `Unpacked the dockerfiles of krunner ${version} into "${root}"`;
    case "updated": {
      const { from, changed, kept } = unpacked;
      const lines = [
        `Updated "${root}" from krunner ${from} to ${version}: ${changed.length} file(s)`,
        ...kept.length === 0 ? [] : [
          `Left alone, for they were changed here: ${
            kept.join(", ")
          }; move "${root}" away to start from krunner's own`,
        ],
      ];
      return lines.join("\n");
    }
    default:
      return unpacked satisfies never;
  }
}
