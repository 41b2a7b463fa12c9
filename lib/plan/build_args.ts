/**
 * Build arguments: those there are, and those that dockerfiles declare.
 *
 * @module
 */

import type { DistroData } from "../package_data.ts";
import type { Target } from "../package_dir.ts";
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
