/**
 * Which image is the bare base image of a volume.
 *
 * @module
 */

import { KrunnerError } from "../errors.ts";
import { parseManifest } from "../manifest.ts";
import { dataOf, readPackageData } from "../package_data.ts";
import { openPackageDir } from "../package_dir.ts";
import {
  companionNames,
  type Identity,
  type Surroundings,
} from "./surroundings.ts";

/**
 * Names of the untouched base image, best first: what the volume was made on,
 * what `krunner.json` names, what a build bootstraps where no registry answers,
 * what the dockerfiles beside it name themselves.
 *
 * @param archive The archive's path
 * @throws {KrunnerError} If the `krunner.json` beside it is broken.
 */
export async function basesOf(
  archive: string,
  { identity, texts, inPackage }: Surroundings,
): Promise<string[]> {
  if (identity === undefined) return [];
  const { distroVersion } = identity;
  const dir = archive.includes("/")
    ? archive.slice(0, archive.lastIndexOf("/") + 1)
    : "./";
  const data = dataOf(await readPackageData(`${dir}.`), distroVersion);
  const known = [
    recordedBase(texts.get(companionNames(identity).manifest)),
    data.base,
  ].filter((name) => name !== undefined);
  const names = [
    ...known,
    `krunner-base:${distroVersion}`,
    inPackage && known.length === 0
      ? await namedBase(dir, identity)
      : undefined,
  ];
  return [...new Set(names.filter((name) => name !== undefined))];
}

function recordedBase(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return parseManifest(text, "manifest").base?.reference;
  } catch {
    // A manifest that is none is a finding of the contract.
    return undefined;
  }
}

/** The image that the dockerfile at the bottom is made from. */
async function namedBase(
  dir: string,
  { distroVersion, arch }: Identity,
): Promise<string | undefined> {
  const { makeDefaultPlan } = await import("../plan.ts");
  try {
    const pkg = await openPackageDir(dir);
    return (await makeDefaultPlan({ pkg, distroVersion }, arch)).madeOn;
  } catch (error) {
    // Volumes can be judged where nothing can be built.
    if (error instanceof KrunnerError) return undefined;
    throw error;
  }
}
