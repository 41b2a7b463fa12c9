/**
 * Looks up what builds of distro versions would take.
 *
 * @module
 */

import { makePlans } from "../alternatives.ts";
import type { CollectedFolder } from "../collect/folder.ts";
import {
  archiveFile,
  type CollectedEntry,
  entryKey,
} from "../collect/index_file.ts";
import type { Engine } from "../engine.ts";
import { KrunnerError } from "../errors.ts";
import type { Target } from "../package_dir.ts";
import type { BuildPlan } from "../plan.ts";
import { DEFAULT_IMAGE_PREFIX } from "../plan/image_names.ts";
import type { SourceRow } from "../sources.ts";
import type { TargetFacts } from "./facts.ts";

/**
 * Looks at one distro version.
 *
 * @param engine Tells which base images are there; absent where none answers.
 * @param folder What was collected for hosts without a network.
 */
export async function lookAtTarget(
  target: Target,
  arch: string,
  engine: Engine | undefined,
  folder: CollectedFolder | undefined,
): Promise<TargetFacts> {
  const { distroVersion } = target;
  let plans: BuildPlan[];
  try {
    plans = await makePlans(target, {
      arch,
      base: "auto",
      buildArgs: {},
      imagePrefix: DEFAULT_IMAGE_PREFIX,
    });
  } catch (error) {
    if (!(error instanceof KrunnerError)) throw error;
    const ways = { fault: error.message };
    return { distroVersion, ways, hasBase: false, hasKeyring: false };
  }
  const base = plans[0]?.base;
  const keyring = base?.bootstrap?.keyring;
  const names = base === undefined ? [] : [base.reference, base.bootstrapped];
  return {
    distroVersion,
    ways: plans.map(({ sources }) => sources),
    ...base === undefined ? {} : { base },
    hasBase: engine !== undefined && await hasOne(engine, names) ||
      await hasCollected(folder, { distroVersion, arch }),
    hasKeyring: keyring === undefined || await isFile(keyring),
  };
}

async function hasCollected(
  folder: CollectedFolder | undefined,
  volume: Pick<CollectedEntry, "distroVersion" | "arch">,
): Promise<boolean> {
  const entry = folder?.index?.[entryKey(volume)];
  return folder !== undefined && entry?.base !== undefined &&
    await isFile(`${folder.dir}/${archiveFile(entry)}`);
}

async function hasOne(
  engine: Engine,
  references: readonly string[],
): Promise<boolean> {
  for (const reference of references) {
    if (await engine.imageId(reference) !== undefined) return true;
  }
  return false;
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

/** The sources of all ways to build the distro versions, each once. */
export function sourcesOf(targets: readonly TargetFacts[]): SourceRow[] {
  const rows = targets.flatMap(({ ways }) =>
    "fault" in ways ? [] : ways.flat()
  );
  return [...new Map(rows.map((row) => [row.file, row])).values()];
}

/** The files of sources that a folder has. */
export async function findSources(
  rows: readonly SourceRow[],
  folder: string,
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const { file } of rows) {
    if (await isFile(`${folder}/${file}`)) found.add(file);
  }
  return found;
}
