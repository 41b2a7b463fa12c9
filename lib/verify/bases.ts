/**
 * Which image is the bare base image of a volume.
 *
 * @module
 */

import { parseManifest } from "../manifest.ts";
import { dataOf, readPackageData } from "../package_data.ts";
import { companionNames, type Surroundings } from "./surroundings.ts";

/**
 * Names of the untouched base image, best first: what the volume was made on,
 * what `krunner.json` names, what a build bootstraps where no registry answers.
 *
 * @param archive The archive's path
 * @throws {KrunnerError} If the `krunner.json` beside it is broken.
 */
export async function basesOf(
  archive: string,
  { identity, texts }: Surroundings,
): Promise<string[]> {
  if (identity === undefined) return [];
  const { distroVersion } = identity;
  const dir = archive.includes("/")
    ? archive.slice(0, archive.lastIndexOf("/") + 1)
    : "./";
  const data = dataOf(await readPackageData(`${dir}.`), distroVersion);
  const names = [
    recordedBase(texts.get(companionNames(identity).manifest)),
    data.base,
    `krunner-base:${distroVersion}`,
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
