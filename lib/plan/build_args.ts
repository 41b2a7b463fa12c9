/**
 * Build arguments: those there are, and those that dockerfiles declare.
 *
 * @module
 */

import { type DistroData, PACKAGE_DATA } from "../package_data.ts";
import {
  inPackage,
  stageDockerfile,
  STAGES,
  type Target,
} from "../package_dir.ts";
import { readOptional } from "../read_optional.ts";
import type { StageDraft } from "./drafts.ts";
import type { PlanOptions } from "./options.ts";

/** The build arguments that every stage may declare. */
export function allArgs(
  { pkg, distroVersion }: Target,
  options: PlanOptions,
  data: DistroData,
): Record<string, string> {
  const base = options.baseImage ?? data.base;
  return {
    ARCH: options.arch,
    DISTRO: pkg.family,
    DISTRO_VERSION: distroVersion,
    IMAGE_PREFIX: options.imagePrefix,
    ...base === undefined ? {} : { BASE_IMAGE: base },
    ...data.args,
    ...options.buildArgs,
  };
}

/** The build arguments that dockerfiles declare. */
export function declaredArgs(stages: readonly StageDraft[]): Set<string> {
  return new Set(stages.flatMap(({ file }) => [...file.declaredArgs]));
}

/** Those of the arguments that have one of the names. */
export function pick(
  args: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(args).filter(([name]) => names.has(name)).sort(),
  );
}

/**
 * Build arguments of `krunner.json` that no dockerfile knows, as sentences for a
 * person: a slip in a name would leave a dockerfile its default unnoticed.
 * Dockerfiles of stages that are not built this time may be what they are for.
 *
 * @throws {KrunnerError} If such a dockerfile is there and cannot be read.
 */
export async function describeStrangeArgs(
  target: Target,
  stages: readonly StageDraft[],
  { args }: DistroData,
): Promise<string[]> {
  const declared = declaredArgs(stages);
  const strange = Object.keys(args).filter((name) => !declared.has(name));
  if (strange.length === 0) return [];
  const words = new Set<string>();
  for (const stage of STAGES) {
    const name = stageDockerfile(target, stage);
    if (name === undefined) continue;
    const text = await readOptional(inPackage(target, name)) ?? "";
    for (const word of text.split(/\W+/)) words.add(word);
  }
  return strange.filter((name) => !words.has(name)).map((name) =>
    `"${
      inPackage(target, PACKAGE_DATA)
    }" gives "${target.distroVersion}" a build argument "${name}", which none of its dockerfiles declares; correct its spelling, or remove it`
  );
}
